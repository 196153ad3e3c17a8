//! What the process of a worker may still do once it has begun: compute, read its questions, write its answers.
//!
//! The engine is already bounded; this holds should the engine itself be broken out of.

use std::collections::BTreeMap;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Is, SeccompCondition,
    SeccompFilter, SeccompRule,
};

use crate::worker::WorkerError;

/// The address space of a worker, in bytes.
const ADDRESS_SPACE_BYTES: u64 = 512 * 1024 * 1024;
/// The processor time of a worker in its whole life, in seconds; a pool replaces its workers long before.
const CPU_SECONDS: u64 = 600;

/// What needs no more than its number: memory of its own, locks, signals to itself, the end.
const FREE: [i64; 13] = [
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getrandom,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
];

/// Gives up everything else, for good.
pub(crate) fn confine() -> Result<(), WorkerError> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|_| WorkerError::Limits)?;
    for (resource, limit) in [
        (Resource::As, ADDRESS_SPACE_BYTES),
        (Resource::Cpu, CPU_SECONDS),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, 0),
        (Resource::Nproc, 0),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
    ] {
        let limit = Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        };
        setrlimit(resource, limit).map_err(|_| WorkerError::Limits)?;
    }
    let program = program().map_err(WorkerError::Filter)?;
    // Sets no_new_privs as well.
    seccompiler::apply_filter(&program).map_err(WorkerError::Confine)
}

/// The filter of system calls: those below, and for all others "not permitted".
fn program() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        FREE.into_iter().map(|it| (it, Vec::new())).collect();
    let when = |argument, is, value| {
        SeccompRule::new(vec![SeccompCondition::new(
            argument,
            Len::Dword,
            is,
            value,
        )?])
    };
    let executable = u64::from(libc::PROT_EXEC.unsigned_abs());
    rules.insert(libc::SYS_read, vec![when(0, Is::Eq, 0)?]);
    rules.insert(libc::SYS_write, vec![when(0, Is::Eq, 1)?]);
    for memory in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(memory, vec![when(2, Is::MaskedEq(executable), 0)?]);
    }
    let denied = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(
        rules,
        denied,
        SeccompAction::Allow,
        std::env::consts::ARCH.try_into()?,
    )?
    .try_into()
}
