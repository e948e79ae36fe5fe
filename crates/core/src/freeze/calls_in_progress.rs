//! The calls in progress of a program that was stopped.

use super::ResumeError;
use super::call_stack::{CallSite, describe};
use super::function_code::{CallPoint, FunctionCodes};
use crate::module::Module;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use wasmparser::{CompositeInnerType, FuncType, Operator, ValType};

/// The calls in progress, the innermost first.
pub struct CallsInProgress<'a> {
    /// The functions that they are in.
    pub codes: FunctionCodes<'a>,
    /// Where each of them is.
    pub sites: Vec<CallSite>,
    /// What the validator knows about each of them; calls at one site share it.
    pub points: Vec<Arc<CallPoint>>,
}

impl<'a> CallsInProgress<'a> {
    /// Reads the functions in progress.
    ///
    /// # Errors
    /// If there is no call at one of `sites`, or one that leaves no frame behind.
    pub fn read(module: &Module<'a>, sites: &[CallSite]) -> Result<CallsInProgress<'a>, ResumeError> {
        /// Types of operands, and locals, that are kept of all calls.
        const ROOM: usize = 1 << 22;
        let mut room = ROOM;
        let functions: BTreeSet<u32> = sites.iter().map(|site| site.function).collect();
        let codes = FunctionCodes::read(module, &functions)?;
        let mut known: HashMap<CallSite, Arc<CallPoint>> = HashMap::new();
        let mut points = Vec::with_capacity(sites.len());
        for site in sites {
            let point = match known.get(site) {
                Some(point) => Arc::clone(point),
                None => {
                    let point = Arc::new(codes.call(module, *site, &mut room)?);
                    known.insert(*site, Arc::clone(&point));
                    point
                }
            };
            points.push(point);
        }
        Ok(CallsInProgress { codes, sites: sites.to_vec(), points })
    }

    /// Each call.
    pub fn iter(&self) -> impl Iterator<Item = (CallSite, &CallPoint)> {
        self.sites.iter().copied().zip(self.points.iter().map(Arc::as_ref))
    }

    /// How many locals and operands they hold.
    ///
    /// # Errors
    /// If one is in a function that was not read.
    pub fn values(&self) -> Result<u64, ResumeError> {
        let mut values = 0;
        for (site, point) in self.iter() {
            values += (self.codes.get(site.function)?.locals.len() + point.operands.len()) as u64;
        }
        Ok(values)
    }

    /// Whether all of them have a form in a module, whatever they hold.
    ///
    /// # Errors
    /// [`ResumeError::Refused`], with the one that has none.
    pub fn check(&self, module: &Module<'_>) -> Result<(), ResumeError> {
        self.check_host(module)?;
        self.check_continuations(module)
    }

    /// A frame that called an import, which is not the last: the host called back.
    fn check_host(&self, module: &Module<'_>) -> Result<(), ResumeError> {
        for (site, point) in self.iter().skip(1) {
            let operator = &self.codes.get(site.function)?.operators[point.at].0;
            if let Operator::Call { function_index } = operator
                && *function_index < module.imported.functions
            {
                return Err(ResumeError::Refused(format!(
                    "the import {} is in progress at that place: it called the program back, and its state belongs to \
                     the host",
                    describe(module, *function_index)
                )));
            }
        }
        Ok(())
    }

    /// Whether each function in progress was called by the one around it. Where a host's function that stands in a table calls the
    /// program back, no call of an import shows. The innermost is about to call `callee`; `by_host` are those that a host calls by
    /// itself.
    ///
    /// # Errors
    /// [`ResumeError::Refused`], with the one that the host may have called.
    pub fn check_callees(
        &self,
        module: &Module<'_>,
        mut callee: u32,
        by_host: &BTreeSet<u32>,
    ) -> Result<(), ResumeError> {
        for (site, point) in self.iter() {
            let (is_it, results) = match &self.codes.get(site.function)?.operators[point.at].0 {
                Operator::Call { function_index } => {
                    (*function_index == callee, module.signature(*function_index).map(FuncType::results))
                }
                Operator::CallIndirect { type_index, .. } | Operator::CallRef { type_index } => {
                    let ty = module.types.get(*type_index as usize).map(|ty| &ty.composite_type.inner);
                    let results = match ty {
                        Some(CompositeInnerType::Func(ty)) => Some(ty.results()),
                        _ => None,
                    };
                    (false, results)
                }
                _ => return Err(ResumeError::Unexplained("a frame that calls nothing")),
            };
            let returns = module.signature(callee).map(FuncType::results);
            if !is_it && (results != returns || by_host.contains(&callee)) {
                return Err(ResumeError::Refused(format!(
                    "{} is in progress and may have been called back by the host, whose state does not survive",
                    describe(module, callee)
                )));
            }
            callee = site.function;
        }
        Ok(())
    }

    fn check_continuations(&self, module: &Module<'_>) -> Result<(), ResumeError> {
        let is_continuation = |ty: &ValType| module.is_continuation(*ty);
        for (site, point) in self.iter() {
            let locals = &self.codes.get(site.function)?.locals;
            if locals.iter().chain(&point.operands).any(is_continuation) {
                let function = describe(module, site.function);
                return Err(ResumeError::Refused(format!(
                    "{function} is in progress and holds a continuation"
                )));
            }
        }
        Ok(())
    }
}
