//! How a program starts where std knows best.
//!
//! `process_group(0)` lets std use posix_spawn; `pre_exec` would force fork, which costs 80 us per MiB resident.

#[cfg(not(unix))]
use super::other::Leader;
use super::process::Start;
#[cfg(unix)]
use super::unix::Leader;
use std::io;
use std::process::{Command, Stdio};

/// What all programs of an executor inherit: std passes it on.
#[derive(Debug)]
pub(super) struct Inherited;

impl Inherited {
    pub(super) fn new() -> Inherited {
        Inherited
    }

    pub(super) fn start(&self, start: &Start<'_>) -> io::Result<Leader> {
        let Some((program, args)) = start.words.split_first() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(start.dir)
            .envs(start.env.iter().map(|(name, value)| (name, value)))
            .stdin(start.input.map_or_else(|| Ok(Stdio::null()), |input| input.try_clone().map(Stdio::from))?)
            .stdout(start.output.try_clone()?)
            .stderr(start.log.try_clone()?);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn()?;
        #[cfg(unix)]
        return Ok(Leader(child.id()));
        #[cfg(not(unix))]
        Ok(Leader(child))
    }
}
