//! The process that does operations on python-diskcache.

use larder_tests::python::Conversation;
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::rule::Failure;

const PROGRAM: &str = include_str!("driver.py");

/// A cache of python-diskcache in a directory of its own.
pub(crate) struct Driver {
    conversation: Conversation,
    _directory: TempDir,
}

impl Driver {
    /// Starts one: a `Cache`, or a `FanoutCache` of several shards.
    pub(crate) fn start(shards: u32) -> Result<Self, Failure> {
        let directory = tempfile::tempdir()?;
        let conversation = Conversation::start(PROGRAM, &[directory.path().as_os_str(), shards.to_string().as_ref()]);
        Ok(Self { conversation, _directory: directory })
    }

    /// Does an operation; returns its answer, and the rules by which it is not python-diskcache's own.
    pub(crate) fn ask(&mut self, request: &Json) -> Result<(Json, Vec<String>), Failure> {
        let line = self.conversation.ask(&request.to_string());
        let line = line.ok_or_else(|| Failure::new(format_args!("python-diskcache ended at {request}")))?;
        let mut answer: Json = serde_json::from_str(&line).map_err(Failure::new)?;
        let rules =
            answer["rules"].as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect();
        Ok((answer["answer"].take(), rules))
    }
}
