//! A process of Node that answers requests, one JSON document per line.

use super::DriverError;
use crate::temporary::ServingProcess;
use crate::wording::PrintablePath;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The environment variable that names the executable of Node, if it is not `node`.
const NODE: &str = "PREINIT_NODE";

/// Time for one request.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(super) struct NodeProcess {
    _process: ServingProcess,
    /// `None` when it has failed to answer.
    requests: Option<ChildStdin>,
    replies: Receiver<std::io::Result<String>>,
}

impl NodeProcess {
    /// Runs a script with one argument.
    pub fn start(script: &Path, argument: &Path) -> Result<NodeProcess, String> {
        let node = std::env::var_os(NODE).unwrap_or_else(|| "node".into());
        let mut command = Command::new(&node);
        command.arg(script).arg(argument);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let (process, requests, stdout) = ServingProcess::start(&mut command)
            .map_err(|error| format!("cannot run `{}`: {error}", PrintablePath(node.as_ref())))?;
        let (sender, replies) = channel();
        if let Some(stdout) = stdout {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines() {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(NodeProcess { _process: process, requests, replies })
    }

    pub fn ask<R: DeserializeOwned>(&mut self, request: &impl Serialize) -> Result<R, DriverError> {
        let request = serde_json::to_string(request).map_err(|error| DriverError(error.to_string()))?;
        let written = self.requests.as_mut().map(|requests| writeln!(requests, "{request}"));
        if !matches!(written, Some(Ok(()))) {
            return Err(DriverError("node has ended".to_string()));
        }
        let line = match self.replies.recv_timeout(TIMEOUT) {
            Ok(Ok(line)) => line,
            Ok(Err(error)) => return Err(DriverError(format!("node's reply cannot be read: {error}"))),
            Err(_) => {
                // Whether it has ended or is still busy, a later reply would be taken for one to another request.
                self.requests = None;
                return Err(DriverError(format!("node did not reply within {} s", TIMEOUT.as_secs())));
            }
        };
        serde_json::from_str(&line)
            .map_err(|error| DriverError(format!("node's reply is malformed: {error}")))
    }
}
