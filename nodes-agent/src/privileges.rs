//! Giving up what is not needed.

use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, configure_capability_in_ambient_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

/// What programming tables and sets needs. The tools ask the kernel about sets, and about all
/// tables of legacy iptables, through a raw socket.
const NEEDED: CapabilitySet = CapabilitySet::NET_ADMIN.union(CapabilitySet::NET_RAW);

/// Keeps only the capabilities that are needed, for this process and for the
/// tools that it runs. Call it before any other thread is started: each has capabilities of its
/// own.
///
/// # Errors
/// If the kernel refuses.
pub fn drop_all_but_needed() -> Result<(), Errno> {
    // The bounding set first: changing it needs a capability that goes with the rest.
    for capability in CapabilitySet::all().difference(NEEDED).iter() {
        match remove_capability_from_bounding_set(capability) {
            // Not every kernel knows every capability, and only root may remove them.
            Ok(()) | Err(Errno::INVAL | Errno::PERM) => {}
            Err(error) => return Err(error),
        }
    }
    set_no_new_privs(true)?;
    let sets = CapabilitySets { effective: NEEDED, permitted: NEEDED, inheritable: NEEDED };
    set_capabilities(None, sets)?;
    // For the tools, where the agent is not root; where it is, they get them anyway.
    for capability in NEEDED.iter() {
        configure_capability_in_ambient_set(capability, true)?;
    }
    Ok(())
}
