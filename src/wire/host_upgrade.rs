//! A host's packages and its agent's program are upgraded.
//!
//! The program comes by `PUT /v1/program/{sha256}`, is started by [`StartProgram`], and stays only when the engine says [`KeepProgram`] to it
//! within [`TRIAL_SECONDS`]: the one that was there before is put back otherwise.

use crate::model::host_upgrade::Package;
use serde::{Deserialize, Serialize};

/// A program that does not answer the engine within this is put away again.
pub const TRIAL_SECONDS: u64 = 60;

/// Ask what there is to upgrade with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckUpgrade {
    /// Have the package manager fetch its lists first.
    pub refresh: bool,
}

/// What the package manager offers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UpgradeFound {
    pub packages: Vec<Package>,
    /// So many more.
    pub more: usize,
    /// `/run/reboot-required` is there.
    pub reboot_required: bool,
    /// Why the lists could not be fetched, or read.
    pub error: String,
}

/// Upgrade all packages, in a session of their own. A run that was begun goes on, and is told of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UpgradePackages {
    /// Names the run: the task's id.
    pub run: String,
}

/// How far that is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PackagesRun {
    pub running: bool,
    /// None when it does not run: it broke off.
    pub exit: Option<i32>,
    /// The end of what it said.
    pub log: String,
    /// Packages it has finished.
    pub finished: usize,
}

/// Ask which program the agent is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProgramInfo {}

/// The agent's program.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Program {
    pub sha256: String,
    /// False: it is the engine's own process.
    pub replaceable: bool,
    /// The program that was tried last, if it was put away again, and why.
    pub put_back: Option<PutBack>,
    /// Changes when the machine is restarted.
    pub boot_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutBack {
    pub sha256: String,
    pub why: String,
}

/// Start anew from the program that was sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StartProgram {
    pub sha256: String,
}

/// It works: keep it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeepProgram {
    pub sha256: String,
}

/// Restart the machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestartHost {}
