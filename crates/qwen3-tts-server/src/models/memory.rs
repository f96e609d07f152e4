//! Memory for models.

use sysinfo::System;

/// Returns the memory in bytes that a process can still take, within the limits of its container;
/// `None` if the system does not say.
pub fn available() -> Option<u64> {
    let mut system = System::new();
    system.refresh_memory();
    let free = system.available_memory();
    let in_container = system.cgroup_limits().map(|limits| limits.free_memory);
    let free = in_container.map_or(free, |in_container| free.min(in_container));
    Some(free).filter(|&bytes| bytes > 0)
}
