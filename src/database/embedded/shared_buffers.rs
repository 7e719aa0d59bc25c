//! The size of Postgres' buffer cache (`shared_buffers`).

/// The default of Postgres, which is enough for sample data.
const MIN_SHARED_BUFFERS_MIB: u64 = 128;
/// Beyond this, the page cache of the operating system is as effective.
const MAX_SHARED_BUFFERS_MIB: u64 = 4_096;

/// A quarter of the memory in MiB, as the Postgres manual recommends (Resource Consumption, Memory). Unused pages take no
/// memory.
pub(super) fn shared_buffers_mib() -> u64 {
    available_memory_bytes().map_or(MIN_SHARED_BUFFERS_MIB, quarter_of_mib)
}

fn quarter_of_mib(bytes: u64) -> u64 {
    (bytes / 4 / 1_048_576).clamp(MIN_SHARED_BUFFERS_MIB, MAX_SHARED_BUFFERS_MIB)
}

/// The memory of the machine or the limit of the container, if known.
#[cfg(target_os = "linux")]
#[allow(clippy::useless_conversion, reason = "the size is 32 bits on some systems")]
fn available_memory_bytes() -> Option<u64> {
    let system = rustix::system::sysinfo();
    let all = u64::from(system.mem_unit).saturating_mul(system.totalram.into());
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|limit| limit.trim().parse().ok());
    Some(limit.map_or(all, |limit: u64| all.min(limit)))
}

#[cfg(not(target_os = "linux"))]
fn available_memory_bytes() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarter_of_memory_within_bounds() {
        assert_eq!(
            [
                quarter_of_mib(0),
                quarter_of_mib(512 << 20),
                quarter_of_mib(1 << 30),
                quarter_of_mib(8 << 30),
                quarter_of_mib(256 << 30)
            ],
            [128, 128, 256, 2_048, 4_096]
        );
        assert!((MIN_SHARED_BUFFERS_MIB..=MAX_SHARED_BUFFERS_MIB).contains(&shared_buffers_mib()));
    }
}
