//! What the code of a function is made of: host calls, calls, branches, nested constructs, exceptions.

use super::SUM_GLOBAL;
use super::function::FunctionBody;
use crate::freezing::machine::IMPORTS;
use wasm_encoder::{BlockType, Catch, HeapType, Instruction as I, RefType, ValType};

impl FunctionBody<'_> {
    pub fn sequence(&mut self) {
        let length = 1 + self.program.choices.below(4);
        for _ in 0..length {
            self.statement();
        }
    }

    fn statement(&mut self) {
        match self.program.choices.below(16) {
            0..=3 => self.host(),
            4..=7 if self.depth < 5 => self.construct(),
            8 => {
                let ty = self.program.ty();
                self.push(ty);
            }
            9 => self.assign(),
            10 => self.branch(),
            11 => self.digest(),
            12 | 13 => self.call(),
            14 if !self.program.plain && self.depth < 5 => self.try_table(),
            _ => {
                let types = self.program.types(3);
                self.push_all(&types);
            }
        }
    }

    fn assign(&mut self) {
        let local = self.program.choices.below(self.locals.len());
        if self.stack.last() != Some(&self.locals[local]) {
            self.push(self.locals[local]);
        }
        if self.program.choices.one_in(2) {
            self.emit(I::LocalSet(local as u32));
            self.stack.pop();
        } else {
            self.emit(I::LocalTee(local as u32));
        }
        if !self.set.contains(&local) {
            self.set.push(local);
        }
    }

    fn host(&mut self) {
        let function = self.program.choices.below(IMPORTS.len());
        let (parameters, results) = self.program.functions[function].clone();
        self.push_all(&parameters);
        if self.program.choices.one_in(4) {
            let ty = self.program.types.get(&parameters, &results);
            self.emit(I::I32Const(function as i32));
            self.emit(I::CallIndirect { type_index: ty, table_index: 0 });
        } else {
            self.emit(I::Call(function as u32));
        }
        self.pop(parameters.len());
        self.stack.extend(results);
    }

    fn call(&mut self) {
        let function =
            IMPORTS.len() + self.program.choices.below(self.program.functions.len() - IMPORTS.len());
        let (parameters, results) = self.program.functions[function].clone();
        if !self.program.plain && results == self.results && self.program.choices.one_in(2) {
            // A tail call, in code that may go on behind it.
            self.condition();
            self.emit(I::If(BlockType::Empty));
            let below = std::mem::take(&mut self.stack);
            self.push_all(&parameters);
            self.emit(I::ReturnCall(function as u32));
            self.stack = below;
            self.emit(I::End);
            return;
        }
        if !self.program.plain && self.program.choices.one_in(4) {
            let callback = self.program.callback;
            self.emit(I::RefFunc(IMPORTS.len() as u32 + 1));
            self.emit(I::CallRef(callback));
            self.stack.push(ValType::I32);
            return;
        }
        self.push_all(&parameters);
        if self.program.choices.one_in(3) {
            let ty = self.program.types.get(&parameters, &results);
            self.emit(I::I32Const(function as i32));
            self.emit(I::CallIndirect { type_index: ty, table_index: 0 });
        } else {
            self.emit(I::Call(function as u32));
        }
        self.pop(parameters.len());
        self.stack.extend(results);
    }

    /// A branch to any label, taken or not.
    fn branch(&mut self) {
        let depth = self.program.choices.below(self.labels.len());
        let carried = self.labels[self.labels.len() - 1 - depth].clone();
        match self.program.choices.below(4) {
            0 => {
                let same: Vec<u32> = (0..self.labels.len())
                    .filter(|depth| self.labels[self.labels.len() - 1 - depth] == carried)
                    .map(|depth| depth as u32)
                    .collect();
                self.condition();
                self.emit(I::If(BlockType::Empty));
                let below = std::mem::take(&mut self.stack);
                self.push_all(&carried);
                self.condition();
                let targets: Vec<u32> = same.iter().map(|depth| depth + 1).collect();
                self.emit(I::BrTable(targets.into(), depth as u32 + 1));
                self.stack = below;
                self.emit(I::End);
            }
            1 if !self.program.plain && depth > 0 => {
                // Carries what it must and a reference that decides.
                self.push_all(&carried);
                self.emit(I::RefNull(HeapType::Concrete(self.program.callback)));
                self.emit(I::GlobalGet(SUM_GLOBAL));
                self.emit(I::I64Const(1));
                self.emit(I::I64And);
                self.emit(I::I32WrapI64);
                let callback =
                    RefType { nullable: true, heap_type: HeapType::Concrete(self.program.callback) };
                let choice = self.program.types.block(&[ValType::Ref(callback)], &[ValType::Ref(callback)]);
                self.emit(I::If(choice));
                self.emit(I::Drop);
                self.emit(I::RefFunc(IMPORTS.len() as u32));
                self.emit(I::End);
                self.emit(I::BrOnNull(depth as u32));
                self.stack.push(ValType::Ref(RefType { nullable: false, ..callback }));
            }
            _ => {
                self.push_all(&carried);
                self.condition();
                self.emit(I::BrIf(depth as u32));
            }
        }
    }

    /// A construct that takes some of the operands.
    fn construct(&mut self) {
        let taken = self.program.choices.below(self.stack.len().min(3) + 1);
        let parameters = self.stack.split_off(self.stack.len() - taken);
        let results = self.program.types(3);
        let below = std::mem::replace(&mut self.stack, parameters.clone());
        let set = self.set.clone();
        let ty = self.program.types.block(&parameters, &results);
        self.depth += 1;
        match self.program.choices.below(3) {
            0 => {
                self.emit(I::Block(ty));
                self.labels.push(results.clone());
                self.sequence();
                self.settle(&results);
            }
            1 => {
                self.emit(I::Loop(ty));
                self.labels.push(parameters.clone());
                self.burn();
                self.sequence();
                // Round again, now and then.
                self.push_all(&parameters);
                self.condition();
                self.emit(I::BrIf(0));
                self.settle(&results);
            }
            _ => {
                self.condition();
                self.emit(I::If(ty));
                self.labels.push(results.clone());
                self.sequence();
                self.settle(&results);
                self.emit(I::Else);
                self.set.clone_from(&set);
                self.stack = parameters;
                self.sequence();
                self.settle(&results);
            }
        }
        self.emit(I::End);
        self.depth -= 1;
        self.labels.pop();
        self.set = set;
        self.stack = below;
        self.stack.extend(results);
    }

    /// Throws in the middle, and catches here or further out.
    fn try_table(&mut self) {
        let results = self.program.types(2);
        let set = self.set.clone();
        let below = std::mem::take(&mut self.stack);
        let caught = self.program.types.block(&[], &[ValType::I32]);
        let tried = self.program.types.block(&[], &results);
        let done = self.program.types.block(&[], &results);
        self.depth += 2;
        self.emit(I::Block(done));
        self.labels.push(results.clone());
        self.emit(I::Block(caught));
        self.labels.push(vec![ValType::I32]);
        let mut catches = vec![Catch::One { tag: 0, label: 0 }];
        if let Some(empty) = self.labels.iter().rev().position(Vec::is_empty) {
            catches.insert(0, Catch::All { label: empty as u32 });
            if self.program.choices.one_in(2) {
                catches.reverse();
            }
        }
        self.emit(I::TryTable(tried, catches.into()));
        self.labels.push(results.clone());
        self.sequence();
        self.condition();
        self.emit(I::If(BlockType::Empty));
        match self.program.helpers.filter(|_| self.program.choices.one_in(2)) {
            Some(helpers) => {
                let number = self.program.choices.next();
                helpers.throw(number).into_iter().for_each(|instruction| self.emit(instruction));
            }
            None => {
                self.emit(I::I32Const(5));
                self.emit(I::Throw(0));
            }
        }
        self.emit(I::End);
        self.sequence();
        self.settle(&results);
        self.emit(I::End);
        self.labels.pop();
        self.emit(I::Br(1));
        self.emit(I::End);
        self.labels.pop();
        self.stack = vec![ValType::I32];
        self.set.clone_from(&set);
        self.settle(&results);
        self.emit(I::End);
        self.labels.pop();
        self.depth -= 2;
        self.set = set;
        self.stack = below;
        self.stack.extend(results);
    }
}
