use std::collections::{HashMap, HashSet};
use wast::lexer::Lexer;
use wast::parser::ParseBuffer;
use wast::{QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet, Wat};

/// A script with its modules encoded.
pub struct Script<'a> {
    pub name: String,
    pub steps: Vec<Step<'a>>,
}

pub struct Step<'a> {
    pub line: usize,
    pub command: Command<'a>,
    /// Steps that define or use instances which may share state have the same component.
    pub component: usize,
    /// Whether a later step makes another instance of that component.
    pub grows_later: bool,
}

pub enum Command<'a> {
    Define {
        name: Option<&'a str>,
        wasm: Vec<u8>,
    },
    Module {
        name: Option<&'a str>,
        wasm: Vec<u8>,
    },
    Instance {
        name: Option<&'a str>,
        of: Option<&'a str>,
    },
    Register {
        instance: Option<&'a str>,
        name: &'a str,
    },
    Do(Action<'a>),
    Assert(Action<'a>, Expected<'a>),
    /// Parsing and validation only: no instance is concerned.
    Static,
    /// Text that the parser of this family does not know.
    Unknown,
}

pub enum Action<'a> {
    Invoke { instance: Option<&'a str>, export: &'a str, args: Vec<WastArg<'a>> },
    Get { instance: Option<&'a str>, export: &'a str },
    Module { wasm: Vec<u8> },
}

pub enum Expected<'a> {
    Results(Vec<WastRet<'a>>),
    Trap(&'a str),
    Exhaustion,
    Exception,
    Unlinkable,
}

/// The text of a script in the parser's own form.
pub fn buffer(text: &str) -> Result<ParseBuffer<'_>, wast::Error> {
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    ParseBuffer::new_with_lexer(lexer)
}

pub fn parse<'a>(name: String, text: &str, buffer: &'a ParseBuffer<'a>) -> Result<Script<'a>, wast::Error> {
    let directives = wast::parser::parse::<Wast<'a>>(buffer)?.directives;
    let mut steps: Vec<Step<'a>> = Vec::with_capacity(directives.len());
    for directive in directives {
        let line = directive.span().linecol_in(text).0 + 1;
        let command = command(directive).unwrap_or(Command::Unknown);
        steps.push(Step { line, command, component: 0, grows_later: false });
    }
    assign_components(&mut steps);
    Ok(Script { name, steps })
}

fn command(directive: WastDirective<'_>) -> Result<Command<'_>, wast::Error> {
    Ok(match directive {
        WastDirective::Module(mut module) => Command::Module { name: id(&module), wasm: module.encode()? },
        WastDirective::ModuleDefinition(mut module) => {
            Command::Define { name: id(&module), wasm: module.encode()? }
        }
        WastDirective::ModuleInstance { instance, module, .. } => {
            Command::Instance { name: instance.map(|id| id.name()), of: module.map(|id| id.name()) }
        }
        WastDirective::Register { name, module, .. } => {
            Command::Register { instance: module.map(|id| id.name()), name }
        }
        WastDirective::Invoke(invoke) => Command::Do(invocation(invoke)),
        WastDirective::AssertReturn { exec, results, .. } => {
            Command::Assert(action(exec)?, Expected::Results(results))
        }
        WastDirective::AssertTrap { exec, message, .. } => {
            Command::Assert(action(exec)?, Expected::Trap(message))
        }
        WastDirective::AssertExhaustion { call, .. } => {
            Command::Assert(invocation(call), Expected::Exhaustion)
        }
        WastDirective::AssertException { exec, .. } => Command::Assert(action(exec)?, Expected::Exception),
        WastDirective::AssertUnlinkable { mut module, .. } => {
            Command::Assert(Action::Module { wasm: module.encode()? }, Expected::Unlinkable)
        }
        WastDirective::AssertMalformed { .. }
        | WastDirective::AssertMalformedCustom { .. }
        | WastDirective::AssertInvalid { .. }
        | WastDirective::AssertInvalidCustom { .. } => Command::Static,
        WastDirective::AssertSuspension { .. } | WastDirective::Thread(_) | WastDirective::Wait { .. } => {
            Command::Unknown
        }
    })
}

fn id<'a>(module: &QuoteWat<'a>) -> Option<&'a str> {
    module.name().map(|id| id.name())
}

fn action(exec: WastExecute<'_>) -> Result<Action<'_>, wast::Error> {
    Ok(match exec {
        WastExecute::Invoke(invoke) => invocation(invoke),
        WastExecute::Get { module, global, .. } => {
            Action::Get { instance: module.map(|id| id.name()), export: global }
        }
        WastExecute::Wat(mut wat @ Wat::Module(_)) => Action::Module { wasm: wat.encode()? },
        WastExecute::Wat(Wat::Component(_)) => Action::Module { wasm: Vec::new() },
    })
}

fn invocation(invoke: WastInvoke<'_>) -> Action<'_> {
    Action::Invoke { instance: invoke.module.map(|id| id.name()), export: invoke.name, args: invoke.args }
}

/// What a name of the script stands for at one point: the step that made the instance.
#[derive(Default)]
struct Names<'a> {
    current: Option<usize>,
    instances: HashMap<&'a str, usize>,
    registered: HashMap<&'a str, usize>,
    definitions: HashMap<Option<&'a str>, usize>,
}

impl<'a> Names<'a> {
    fn instance(&self, name: Option<&'a str>) -> Option<usize> {
        name.map_or(self.current, |name| self.instances.get(name).copied())
    }

    fn made(&mut self, name: Option<&'a str>, step: usize) {
        self.current = Some(step);
        self.instances.extend(name.map(|name| (name, step)));
    }
}

/// Finds out ahead which instances will be linked to each other, directly or through the memory and the tables of
/// `spectest`: those must live in one store and be replaced together.
fn assign_components(steps: &mut [Step<'_>]) {
    let host = steps.len();
    let mut parent: Vec<usize> = (0..=host).collect();
    let mut used: Vec<usize> = (0..host).collect();
    let mut names = Names::default();
    for (at, step) in steps.iter().enumerate() {
        let wasm = match &step.command {
            Command::Define { name, .. } => {
                names.definitions.insert(*name, at);
                names.definitions.insert(None, at);
                continue;
            }
            Command::Module { name, wasm } => {
                names.made(*name, at);
                wasm
            }
            Command::Instance { name, of } => {
                let Some(&definition) = names.definitions.get(of) else { continue };
                names.made(*name, at);
                match &steps[definition].command {
                    Command::Define { wasm, .. } => wasm,
                    _ => continue,
                }
            }
            Command::Assert(Action::Module { wasm }, _) => wasm,
            Command::Register { instance, name } => {
                names.registered.extend(names.instance(*instance).map(|made| (*name, made)));
                continue;
            }
            Command::Do(action) | Command::Assert(action, _) => {
                let (Action::Invoke { instance, .. } | Action::Get { instance, .. }) = action else {
                    continue;
                };
                used[at] = names.instance(*instance).unwrap_or(at);
                continue;
            }
            Command::Static | Command::Unknown => continue,
        };
        for (module, is_state) in imports(wasm) {
            match names.registered.get(module.as_str()) {
                Some(&provider) => unite(&mut parent, at, provider),
                None if module == "spectest" && is_state => unite(&mut parent, at, host),
                None => {}
            }
        }
    }
    let mut growing = HashSet::new();
    for at in (0..host).rev() {
        let component = root(&parent, used[at]);
        steps[at].component = component;
        steps[at].grows_later = growing.contains(&component);
        if matches!(
            &steps[at].command,
            Command::Module { .. } | Command::Instance { .. } | Command::Assert(Action::Module { .. }, _)
        ) {
            growing.insert(component);
        }
    }
}

/// The module name of every import, and whether it is a memory or a table.
fn imports(wasm: &[u8]) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(wasm) {
        if let Ok(wasmparser::Payload::ImportSection(imports)) = payload {
            found.extend(imports.into_imports().flatten().map(|import| {
                let is_state =
                    matches!(import.ty, wasmparser::TypeRef::Memory(_) | wasmparser::TypeRef::Table(_));
                (import.module.to_string(), is_state)
            }));
        }
    }
    found
}

fn root(parent: &[usize], mut node: usize) -> usize {
    while parent[node] != node {
        node = parent[node];
    }
    node
}

fn unite(parent: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(parent, a), root(parent, b));
    parent[a.max(b)] = a.min(b);
}
