//! The network devices of this host, as `/proc` lists them.

use std::fs;

use super::KernelError;

/// Where they are listed, for the network namespace of whoever looks.
const LIST: &str = "/proc/thread-self/net/dev";

/// Their names.
///
/// # Errors
/// If the list cannot be read.
pub fn names() -> Result<Vec<String>, KernelError> {
    let list = fs::read_to_string(LIST).map_err(KernelError::while_doing(LIST))?;
    let names = list.lines().filter_map(|line| line.split_once(':'));
    Ok(names.map(|(name, _)| name.trim().to_owned()).collect())
}
