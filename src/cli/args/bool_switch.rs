//! Switches as Wizer has them: alone, or with `true` or `false`.

use std::any::TypeId;

use clap::{Arg, ArgAction};

/// Lets an option that stores a `bool` be written `--name`, `--name=true` or `--name=false`. Its value in a word of its
/// own is the concern of `switch_values`.
pub fn complete(arg: Arg) -> Arg {
    let is_bool = arg.get_value_parser().type_id() == TypeId::of::<bool>();
    if !is_bool || !matches!(arg.get_action(), ArgAction::Set) {
        return arg;
    }
    arg.num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .value_name("BOOL")
        .hide_default_value(true)
        .hide_possible_values(true)
}
