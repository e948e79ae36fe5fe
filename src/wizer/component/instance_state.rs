//! What the caller's engine tells about an instance of a component.

use crate::wizer::SnapshotRef;
use std::future::ready;
use wasmtime::Result;

/// Reads the state of an instance of an instrumented component, by calls of functions that it exports.
///
/// The first five methods are those of `wasmtime-wizer`. They cannot fail, so an implementation that finds no such function has
/// to panic. Of these, only the first is called: it returns numbers and memories with all their bits. The others have defaults,
/// which say that such state cannot be read. Then a component whose init has made such a change is refused.
pub trait ComponentInstanceState: Send {
    /// Calls the function `func` of the exported instance `instance`, which has no parameters, and gives its result of type
    /// `list<u8>` to `contents`.
    fn call_func_ret_list_u8(
        &mut self,
        instance: &str,
        func: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) -> impl Future<Output = ()> + Send;

    /// The same for the type `s32`.
    fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> impl Future<Output = i32> + Send;

    /// The same for the type `s64`.
    fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> impl Future<Output = i64> + Send;

    /// The same for the bits of the type `f32`.
    fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> impl Future<Output = u32> + Send;

    /// The same for the bits of the type `f64`.
    fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> impl Future<Output = u64> + Send;

    /// The same as [`ComponentInstanceState::call_func_ret_list_u8`] for engines whose calls can fail.
    ///
    /// # Errors
    /// If there is no such function, or it does not return.
    fn try_call_func_ret_list_u8(
        &mut self,
        instance: &str,
        func: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) -> impl Future<Output = Result<()>> + Send {
        let call = self.call_func_ret_list_u8(instance, func, contents);
        async move {
            call.await;
            Ok(())
        }
    }

    /// The handles of resources, streams and other things of the component model that are alive; `None` if that is not known, and
    /// then the snapshot may hold numbers of handles that it does not have, as with `wasmtime-wizer`.
    fn live_handles(&mut self) -> impl Future<Output = Option<usize>> + Send {
        ready(None)
    }

    /// What core instances hold in tables and in globals of reference types, for each of `wanted`; `None` if core instances cannot
    /// be reached. It is called last, and only where init has changed a table or such a global.
    fn core_references(
        &mut self,
        _wanted: &[WantedReferences],
    ) -> impl Future<Output = Option<Vec<CoreReferences>>> + Send {
        ready(None)
    }
}

/// A core instance, and the exports of it that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WantedReferences {
    /// The name of an export that only instances of its core module have.
    pub marker: String,
    /// Which of those it is, in the order of their instantiation, from 0.
    pub nth: usize,
    /// Exported globals that hold references.
    pub globals: Vec<String>,
    /// Exported tables.
    pub tables: Vec<String>,
    /// Exported functions.
    pub functions: Vec<String>,
}

/// What a core instance holds, in the order in which it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CoreReferences {
    /// Globals.
    pub globals: Vec<SnapshotRef>,
    /// Tables.
    pub tables: Vec<CoreTable>,
    /// A number for each function: any, but the same for the same function in all core instances.
    pub functions: Vec<u64>,
}

/// A table of one or several core instances.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CoreTable {
    /// A number: any, but the same for the same table in all core instances.
    pub identity: u64,
    /// What it holds, slot by slot.
    pub elements: Vec<SnapshotRef>,
}
