//! Prints the tables of `make bench-agent`: how long a change takes from the API server's answer to
//! the first packet that shows it, what a start takes, what the agent needs, and what its rules
//! cost a packet.
//!
//! Everything is real: an API server with etcd, the agent as it is shipped, the kernel, and
//! connections between network namespaces, which are made for it and removed again. It needs root
//! and Linux.

#[cfg(target_os = "linux")]
mod agent;
#[cfg(target_os = "linux")]
mod changes;
#[cfg(target_os = "linux")]
mod figures;
#[cfg(target_os = "linux")]
mod lab;
#[cfg(target_os = "linux")]
mod objects;
#[cfg(target_os = "linux")]
mod path;
#[cfg(target_os = "linux")]
mod pulse;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod synthetic;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    run::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> anyhow::Result<()> {
    anyhow::bail!("there is no iptables on this system")
}
