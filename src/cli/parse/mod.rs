//! Values that options take, one kind a file.

pub mod byte_count;
pub mod fuel_amount;
pub mod host_choice;
pub mod init_result;
pub mod layout_name;
pub mod ledger_hash;
pub mod name_pair;
pub mod point_in_time;
pub mod time_span;
