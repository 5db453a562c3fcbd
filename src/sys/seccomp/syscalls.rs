//! The numbers of every system call by name: data, from the kernel's own tables (6.18).
//!
//! Names that only foreign architectures have are listed too, without numbers, so that a
//! profile made for all of them is told apart from a misspelt one.

use super::Arch;

/// A system call: its name and its number on each architecture, -1 where it has none.
struct Row {
    name: &'static str,
    x86_64: i16,
    x86: i16,
    x32: i16,
    aarch64: i16,
}

/// The row of a name.
pub(super) fn find(name: &str) -> Option<u16> {
    let index = TABLE.binary_search_by(|row| row.name.cmp(name)).ok()?;
    u16::try_from(index).ok()
}

/// The name of a row.
pub(super) fn name(row: u16) -> &'static str {
    TABLE[usize::from(row)].name
}

/// The number that a row has on an architecture; x32's without its marker bit.
pub(super) fn number(row: u16, arch: Arch) -> Option<u32> {
    let row = &TABLE[usize::from(row)];
    let number = match arch {
        Arch::X86_64 => row.x86_64,
        Arch::X86 => row.x86,
        Arch::X32 => row.x32,
        Arch::Aarch64 => row.aarch64,
    };
    u32::try_from(number).ok()
}

const fn row(name: &'static str, x86_64: i16, x86: i16, x32: i16, aarch64: i16) -> Row {
    Row {
        name,
        x86_64,
        x86,
        x32,
        aarch64,
    }
}

#[rustfmt::skip]
const TABLE: &[Row] = &[
    //  name, x86_64, x86, x32, aarch64
    row("_llseek", -1, 140, -1, -1),
    row("_newselect", -1, 142, -1, -1),
    row("_sysctl", 156, 149, -1, -1),
    row("accept", 43, -1, 43, 202),
    row("accept4", 288, 364, 288, 242),
    row("access", 21, 33, 21, -1),
    row("acct", 163, 51, 163, 89),
    row("add_key", 248, 286, 248, 217),
    row("adjtimex", 159, 124, 159, 171),
    row("afs_syscall", 183, 137, 183, -1),
    row("alarm", 37, 27, 37, -1),
    row("arch_prctl", 158, 384, 158, -1),
    row("arm_fadvise64_64", -1, -1, -1, -1),
    row("arm_sync_file_range", -1, -1, -1, -1),
    row("bdflush", -1, 134, -1, -1),
    row("bind", 49, 361, 49, 200),
    row("bpf", 321, 357, 321, 280),
    row("break", -1, 17, -1, -1),
    row("breakpoint", -1, -1, -1, -1),
    row("brk", 12, 45, 12, 214),
    row("cacheflush", -1, -1, -1, -1),
    row("cachestat", 451, 451, 451, 451),
    row("capget", 125, 184, 125, 90),
    row("capset", 126, 185, 126, 91),
    row("chdir", 80, 12, 80, 49),
    row("chmod", 90, 15, 90, -1),
    row("chown", 92, 182, 92, -1),
    row("chown32", -1, 212, -1, -1),
    row("chroot", 161, 61, 161, 51),
    row("clock_adjtime", 305, 343, 305, 266),
    row("clock_adjtime64", -1, 405, -1, -1),
    row("clock_getres", 229, 266, 229, 114),
    row("clock_getres_time64", -1, 406, -1, -1),
    row("clock_gettime", 228, 265, 228, 113),
    row("clock_gettime64", -1, 403, -1, -1),
    row("clock_nanosleep", 230, 267, 230, 115),
    row("clock_nanosleep_time64", -1, 407, -1, -1),
    row("clock_settime", 227, 264, 227, 112),
    row("clock_settime64", -1, 404, -1, -1),
    row("clone", 56, 120, 56, 220),
    row("clone3", 435, 435, 435, 435),
    row("close", 3, 6, 3, 57),
    row("close_range", 436, 436, 436, 436),
    row("connect", 42, 362, 42, 203),
    row("copy_file_range", 326, 377, 326, 285),
    row("creat", 85, 8, 85, -1),
    row("create_module", 174, 127, -1, -1),
    row("delete_module", 176, 129, 176, 106),
    row("dup", 32, 41, 32, 23),
    row("dup2", 33, 63, 33, -1),
    row("dup3", 292, 330, 292, 24),
    row("epoll_create", 213, 254, 213, -1),
    row("epoll_create1", 291, 329, 291, 20),
    row("epoll_ctl", 233, 255, 233, 21),
    row("epoll_ctl_old", 214, -1, -1, -1),
    row("epoll_pwait", 281, 319, 281, 22),
    row("epoll_pwait2", 441, 441, 441, 441),
    row("epoll_wait", 232, 256, 232, -1),
    row("epoll_wait_old", 215, -1, -1, -1),
    row("eventfd", 284, 323, 284, -1),
    row("eventfd2", 290, 328, 290, 19),
    row("execve", 59, 11, 520, 221),
    row("execveat", 322, 358, 545, 281),
    row("exit", 60, 1, 60, 93),
    row("exit_group", 231, 252, 231, 94),
    row("faccessat", 269, 307, 269, 48),
    row("faccessat2", 439, 439, 439, 439),
    row("fadvise64", 221, 250, 221, -1),
    row("fadvise64_64", -1, 272, -1, -1),
    row("fallocate", 285, 324, 285, 47),
    row("fanotify_init", 300, 338, 300, 262),
    row("fanotify_mark", 301, 339, 301, 263),
    row("fchdir", 81, 133, 81, 50),
    row("fchmod", 91, 94, 91, 52),
    row("fchmodat", 268, 306, 268, 53),
    row("fchmodat2", 452, 452, 452, 452),
    row("fchown", 93, 95, 93, 55),
    row("fchown32", -1, 207, -1, -1),
    row("fchownat", 260, 298, 260, 54),
    row("fcntl", 72, 55, 72, -1),
    row("fcntl64", -1, 221, -1, -1),
    row("fdatasync", 75, 148, 75, 83),
    row("fgetxattr", 193, 231, 193, 10),
    row("file_getattr", 468, 468, 468, 468),
    row("file_setattr", 469, 469, 469, 469),
    row("finit_module", 313, 350, 313, 273),
    row("flistxattr", 196, 234, 196, 13),
    row("flock", 73, 143, 73, 32),
    row("fork", 57, 2, 57, -1),
    row("fremovexattr", 199, 237, 199, 16),
    row("fsconfig", 431, 431, 431, 431),
    row("fsetxattr", 190, 228, 190, 7),
    row("fsmount", 432, 432, 432, 432),
    row("fsopen", 430, 430, 430, 430),
    row("fspick", 433, 433, 433, 433),
    row("fstat", 5, 108, 5, -1),
    row("fstat64", -1, 197, -1, -1),
    row("fstatat64", -1, 300, -1, -1),
    row("fstatfs", 138, 100, 138, -1),
    row("fstatfs64", -1, 269, -1, -1),
    row("fsync", 74, 118, 74, 82),
    row("ftime", -1, 35, -1, -1),
    row("ftruncate", 77, 93, 77, -1),
    row("ftruncate64", -1, 194, -1, -1),
    row("futex", 202, 240, 202, 98),
    row("futex_requeue", 456, 456, 456, 456),
    row("futex_time64", -1, 422, -1, -1),
    row("futex_wait", 455, 455, 455, 455),
    row("futex_waitv", 449, 449, 449, 449),
    row("futex_wake", 454, 454, 454, 454),
    row("futimesat", 261, 299, 261, -1),
    row("get_kernel_syms", 177, 130, -1, -1),
    row("get_mempolicy", 239, 275, 239, 236),
    row("get_robust_list", 274, 312, 531, 100),
    row("get_thread_area", 211, 244, -1, -1),
    row("get_tls", -1, -1, -1, -1),
    row("getcpu", 309, 318, 309, 168),
    row("getcwd", 79, 183, 79, 17),
    row("getdents", 78, 141, 78, -1),
    row("getdents64", 217, 220, 217, 61),
    row("getegid", 108, 50, 108, 177),
    row("getegid32", -1, 202, -1, -1),
    row("geteuid", 107, 49, 107, 175),
    row("geteuid32", -1, 201, -1, -1),
    row("getgid", 104, 47, 104, 176),
    row("getgid32", -1, 200, -1, -1),
    row("getgroups", 115, 80, 115, 158),
    row("getgroups32", -1, 205, -1, -1),
    row("getitimer", 36, 105, 36, 102),
    row("getpeername", 52, 368, 52, 205),
    row("getpgid", 121, 132, 121, 155),
    row("getpgrp", 111, 65, 111, -1),
    row("getpid", 39, 20, 39, 172),
    row("getpmsg", 181, 188, 181, -1),
    row("getppid", 110, 64, 110, 173),
    row("getpriority", 140, 96, 140, 141),
    row("getrandom", 318, 355, 318, 278),
    row("getresgid", 120, 171, 120, 150),
    row("getresgid32", -1, 211, -1, -1),
    row("getresuid", 118, 165, 118, 148),
    row("getresuid32", -1, 209, -1, -1),
    row("getrlimit", 97, 76, 97, 163),
    row("getrusage", 98, 77, 98, 165),
    row("getsid", 124, 147, 124, 156),
    row("getsockname", 51, 367, 51, 204),
    row("getsockopt", 55, 365, 542, 209),
    row("gettid", 186, 224, 186, 178),
    row("gettimeofday", 96, 78, 96, 169),
    row("getuid", 102, 24, 102, 174),
    row("getuid32", -1, 199, -1, -1),
    row("getxattr", 191, 229, 191, 8),
    row("getxattrat", 464, 464, 464, 464),
    row("gtty", -1, 32, -1, -1),
    row("idle", -1, 112, -1, -1),
    row("init_module", 175, 128, 175, 105),
    row("inotify_add_watch", 254, 292, 254, 27),
    row("inotify_init", 253, 291, 253, -1),
    row("inotify_init1", 294, 332, 294, 26),
    row("inotify_rm_watch", 255, 293, 255, 28),
    row("io_cancel", 210, 249, 210, 3),
    row("io_destroy", 207, 246, 207, 1),
    row("io_getevents", 208, 247, 208, 4),
    row("io_pgetevents", 333, 385, 333, 292),
    row("io_pgetevents_time64", -1, 416, -1, -1),
    row("io_setup", 206, 245, 543, 0),
    row("io_submit", 209, 248, 544, 2),
    row("io_uring_enter", 426, 426, 426, 426),
    row("io_uring_register", 427, 427, 427, 427),
    row("io_uring_setup", 425, 425, 425, 425),
    row("ioctl", 16, 54, 514, 29),
    row("ioperm", 173, 101, 173, -1),
    row("iopl", 172, 110, 172, -1),
    row("ioprio_get", 252, 290, 252, 31),
    row("ioprio_set", 251, 289, 251, 30),
    row("ipc", -1, 117, -1, -1),
    row("kcmp", 312, 349, 312, 272),
    row("kexec_file_load", 320, -1, 320, 294),
    row("kexec_load", 246, 283, 528, 104),
    row("keyctl", 250, 288, 250, 219),
    row("kill", 62, 37, 62, 129),
    row("landlock_add_rule", 445, 445, 445, 445),
    row("landlock_create_ruleset", 444, 444, 444, 444),
    row("landlock_restrict_self", 446, 446, 446, 446),
    row("lchown", 94, 16, 94, -1),
    row("lchown32", -1, 198, -1, -1),
    row("lgetxattr", 192, 230, 192, 9),
    row("link", 86, 9, 86, -1),
    row("linkat", 265, 303, 265, 37),
    row("listen", 50, 363, 50, 201),
    row("listmount", 458, 458, 458, 458),
    row("listxattr", 194, 232, 194, 11),
    row("listxattrat", 465, 465, 465, 465),
    row("llistxattr", 195, 233, 195, 12),
    row("lock", -1, 53, -1, -1),
    row("lookup_dcookie", 212, 253, 212, 18),
    row("lremovexattr", 198, 236, 198, 15),
    row("lseek", 8, 19, 8, -1),
    row("lsetxattr", 189, 227, 189, 6),
    row("lsm_get_self_attr", 459, 459, 459, 459),
    row("lsm_list_modules", 461, 461, 461, 461),
    row("lsm_set_self_attr", 460, 460, 460, 460),
    row("lstat", 6, 107, 6, -1),
    row("lstat64", -1, 196, -1, -1),
    row("madvise", 28, 219, 28, 233),
    row("map_shadow_stack", 453, 453, 453, 453),
    row("mbind", 237, 274, 237, 235),
    row("membarrier", 324, 375, 324, 283),
    row("memfd_create", 319, 356, 319, 279),
    row("memfd_secret", 447, 447, 447, 447),
    row("migrate_pages", 256, 294, 256, 238),
    row("mincore", 27, 218, 27, 232),
    row("mkdir", 83, 39, 83, -1),
    row("mkdirat", 258, 296, 258, 34),
    row("mknod", 133, 14, 133, -1),
    row("mknodat", 259, 297, 259, 33),
    row("mlock", 149, 150, 149, 228),
    row("mlock2", 325, 376, 325, 284),
    row("mlockall", 151, 152, 151, 230),
    row("mmap", 9, 90, 9, -1),
    row("mmap2", -1, 192, -1, -1),
    row("modify_ldt", 154, 123, 154, -1),
    row("mount", 165, 21, 165, 40),
    row("mount_setattr", 442, 442, 442, 442),
    row("move_mount", 429, 429, 429, 429),
    row("move_pages", 279, 317, 533, 239),
    row("mprotect", 10, 125, 10, 226),
    row("mpx", -1, 56, -1, -1),
    row("mq_getsetattr", 245, 282, 245, 185),
    row("mq_notify", 244, 281, 527, 184),
    row("mq_open", 240, 277, 240, 180),
    row("mq_timedreceive", 243, 280, 243, 183),
    row("mq_timedreceive_time64", -1, 419, -1, -1),
    row("mq_timedsend", 242, 279, 242, 182),
    row("mq_timedsend_time64", -1, 418, -1, -1),
    row("mq_unlink", 241, 278, 241, 181),
    row("mremap", 25, 163, 25, 216),
    row("mseal", 462, 462, 462, 462),
    row("msgctl", 71, 402, 71, 187),
    row("msgget", 68, 399, 68, 186),
    row("msgrcv", 70, 401, 70, 188),
    row("msgsnd", 69, 400, 69, 189),
    row("msync", 26, 144, 26, 227),
    row("multiplexer", -1, -1, -1, -1),
    row("munlock", 150, 151, 150, 229),
    row("munlockall", 152, 153, 152, 231),
    row("munmap", 11, 91, 11, 215),
    row("name_to_handle_at", 303, 341, 303, 264),
    row("nanosleep", 35, 162, 35, 101),
    row("newfstatat", 262, -1, 262, -1),
    row("nfsservctl", 180, 169, -1, 42),
    row("nice", -1, 34, -1, -1),
    row("oldfstat", -1, 28, -1, -1),
    row("oldlstat", -1, 84, -1, -1),
    row("oldolduname", -1, 59, -1, -1),
    row("oldstat", -1, 18, -1, -1),
    row("olduname", -1, 109, -1, -1),
    row("open", 2, 5, 2, -1),
    row("open_by_handle_at", 304, 342, 304, 265),
    row("open_tree", 428, 428, 428, 428),
    row("open_tree_attr", 467, 467, 467, 467),
    row("openat", 257, 295, 257, 56),
    row("openat2", 437, 437, 437, 437),
    row("pause", 34, 29, 34, -1),
    row("pciconfig_iobase", -1, -1, -1, -1),
    row("pciconfig_read", -1, -1, -1, -1),
    row("pciconfig_write", -1, -1, -1, -1),
    row("perf_event_open", 298, 336, 298, 241),
    row("personality", 135, 136, 135, 92),
    row("pidfd_getfd", 438, 438, 438, 438),
    row("pidfd_open", 434, 434, 434, 434),
    row("pidfd_send_signal", 424, 424, 424, 424),
    row("pipe", 22, 42, 22, -1),
    row("pipe2", 293, 331, 293, 59),
    row("pivot_root", 155, 217, 155, 41),
    row("pkey_alloc", 330, 381, 330, 289),
    row("pkey_free", 331, 382, 331, 290),
    row("pkey_mprotect", 329, 380, 329, 288),
    row("poll", 7, 168, 7, -1),
    row("ppoll", 271, 309, 271, 73),
    row("ppoll_time64", -1, 414, -1, -1),
    row("prctl", 157, 172, 157, 167),
    row("pread64", 17, 180, 17, 67),
    row("preadv", 295, 333, 534, 69),
    row("preadv2", 327, 378, 546, 286),
    row("prlimit64", 302, 340, 302, 261),
    row("process_madvise", 440, 440, 440, 440),
    row("process_mrelease", 448, 448, 448, 448),
    row("process_vm_readv", 310, 347, 539, 270),
    row("process_vm_writev", 311, 348, 540, 271),
    row("prof", -1, 44, -1, -1),
    row("profil", -1, 98, -1, -1),
    row("pselect6", 270, 308, 270, 72),
    row("pselect6_time64", -1, 413, -1, -1),
    row("ptrace", 101, 26, 521, 117),
    row("putpmsg", 182, 189, 182, -1),
    row("pwrite64", 18, 181, 18, 68),
    row("pwritev", 296, 334, 535, 70),
    row("pwritev2", 328, 379, 547, 287),
    row("query_module", 178, 167, -1, -1),
    row("quotactl", 179, 131, 179, 60),
    row("quotactl_fd", 443, 443, 443, 443),
    row("read", 0, 3, 0, 63),
    row("readahead", 187, 225, 187, 213),
    row("readdir", -1, 89, -1, -1),
    row("readlink", 89, 85, 89, -1),
    row("readlinkat", 267, 305, 267, 78),
    row("readv", 19, 145, 515, 65),
    row("reboot", 169, 88, 169, 142),
    row("recv", -1, -1, -1, -1),
    row("recvfrom", 45, 371, 517, 207),
    row("recvmmsg", 299, 337, 537, 243),
    row("recvmmsg_time64", -1, 417, -1, -1),
    row("recvmsg", 47, 372, 519, 212),
    row("remap_file_pages", 216, 257, 216, 234),
    row("removexattr", 197, 235, 197, 14),
    row("removexattrat", 466, 466, 466, 466),
    row("rename", 82, 38, 82, -1),
    row("renameat", 264, 302, 264, 38),
    row("renameat2", 316, 353, 316, 276),
    row("request_key", 249, 287, 249, 218),
    row("restart_syscall", 219, 0, 219, 128),
    row("riscv_flush_icache", -1, -1, -1, -1),
    row("riscv_hwprobe", -1, -1, -1, -1),
    row("rmdir", 84, 40, 84, -1),
    row("rseq", 334, 386, 334, 293),
    row("rt_sigaction", 13, 174, 512, 134),
    row("rt_sigpending", 127, 176, 522, 136),
    row("rt_sigprocmask", 14, 175, 14, 135),
    row("rt_sigqueueinfo", 129, 178, 524, 138),
    row("rt_sigreturn", 15, 173, 513, 139),
    row("rt_sigsuspend", 130, 179, 130, 133),
    row("rt_sigtimedwait", 128, 177, 523, 137),
    row("rt_sigtimedwait_time64", -1, 421, -1, -1),
    row("rt_tgsigqueueinfo", 297, 335, 536, 240),
    row("rtas", -1, -1, -1, -1),
    row("s390_guarded_storage", -1, -1, -1, -1),
    row("s390_pci_mmio_read", -1, -1, -1, -1),
    row("s390_pci_mmio_write", -1, -1, -1, -1),
    row("s390_runtime_instr", -1, -1, -1, -1),
    row("s390_sthyi", -1, -1, -1, -1),
    row("sched_get_priority_max", 146, 159, 146, 125),
    row("sched_get_priority_min", 147, 160, 147, 126),
    row("sched_getaffinity", 204, 242, 204, 123),
    row("sched_getattr", 315, 352, 315, 275),
    row("sched_getparam", 143, 155, 143, 121),
    row("sched_getscheduler", 145, 157, 145, 120),
    row("sched_rr_get_interval", 148, 161, 148, 127),
    row("sched_rr_get_interval_time64", -1, 423, -1, -1),
    row("sched_setaffinity", 203, 241, 203, 122),
    row("sched_setattr", 314, 351, 314, 274),
    row("sched_setparam", 142, 154, 142, 118),
    row("sched_setscheduler", 144, 156, 144, 119),
    row("sched_yield", 24, 158, 24, 124),
    row("seccomp", 317, 354, 317, 277),
    row("security", 185, -1, 185, -1),
    row("select", 23, 82, 23, -1),
    row("semctl", 66, 394, 66, 191),
    row("semget", 64, 393, 64, 190),
    row("semop", 65, -1, 65, 193),
    row("semtimedop", 220, -1, 220, 192),
    row("semtimedop_time64", -1, 420, -1, -1),
    row("send", -1, -1, -1, -1),
    row("sendfile", 40, 187, 40, -1),
    row("sendfile64", -1, 239, -1, -1),
    row("sendmmsg", 307, 345, 538, 269),
    row("sendmsg", 46, 370, 518, 211),
    row("sendto", 44, 369, 44, 206),
    row("set_mempolicy", 238, 276, 238, 237),
    row("set_mempolicy_home_node", 450, 450, 450, 450),
    row("set_robust_list", 273, 311, 530, 99),
    row("set_thread_area", 205, 243, -1, -1),
    row("set_tid_address", 218, 258, 218, 96),
    row("set_tls", -1, -1, -1, -1),
    row("setdomainname", 171, 121, 171, 162),
    row("setfsgid", 123, 139, 123, 152),
    row("setfsgid32", -1, 216, -1, -1),
    row("setfsuid", 122, 138, 122, 151),
    row("setfsuid32", -1, 215, -1, -1),
    row("setgid", 106, 46, 106, 144),
    row("setgid32", -1, 214, -1, -1),
    row("setgroups", 116, 81, 116, 159),
    row("setgroups32", -1, 206, -1, -1),
    row("sethae", -1, -1, -1, -1),
    row("sethostname", 170, 74, 170, 161),
    row("setitimer", 38, 104, 38, 103),
    row("setns", 308, 346, 308, 268),
    row("setpgid", 109, 57, 109, 154),
    row("setpriority", 141, 97, 141, 140),
    row("setregid", 114, 71, 114, 143),
    row("setregid32", -1, 204, -1, -1),
    row("setresgid", 119, 170, 119, 149),
    row("setresgid32", -1, 210, -1, -1),
    row("setresuid", 117, 164, 117, 147),
    row("setresuid32", -1, 208, -1, -1),
    row("setreuid", 113, 70, 113, 145),
    row("setreuid32", -1, 203, -1, -1),
    row("setrlimit", 160, 75, 160, 164),
    row("setsid", 112, 66, 112, 157),
    row("setsockopt", 54, 366, 541, 208),
    row("settimeofday", 164, 79, 164, 170),
    row("setuid", 105, 23, 105, 146),
    row("setuid32", -1, 213, -1, -1),
    row("setxattr", 188, 226, 188, 5),
    row("setxattrat", 463, 463, 463, 463),
    row("sgetmask", -1, 68, -1, -1),
    row("shmat", 30, 397, 30, 196),
    row("shmctl", 31, 396, 31, 195),
    row("shmdt", 67, 398, 67, 197),
    row("shmget", 29, 395, 29, 194),
    row("shutdown", 48, 373, 48, 210),
    row("sigaction", -1, 67, -1, -1),
    row("sigaltstack", 131, 186, 525, 132),
    row("signal", -1, 48, -1, -1),
    row("signalfd", 282, 321, 282, -1),
    row("signalfd4", 289, 327, 289, 74),
    row("sigpending", -1, 73, -1, -1),
    row("sigprocmask", -1, 126, -1, -1),
    row("sigreturn", -1, 119, -1, -1),
    row("sigsuspend", -1, 72, -1, -1),
    row("socket", 41, 359, 41, 198),
    row("socketcall", -1, 102, -1, -1),
    row("socketpair", 53, 360, 53, 199),
    row("splice", 275, 313, 275, 76),
    row("spu_create", -1, -1, -1, -1),
    row("spu_run", -1, -1, -1, -1),
    row("ssetmask", -1, 69, -1, -1),
    row("stat", 4, 106, 4, -1),
    row("stat64", -1, 195, -1, -1),
    row("statfs", 137, 99, 137, -1),
    row("statfs64", -1, 268, -1, -1),
    row("statmount", 457, 457, 457, 457),
    row("statx", 332, 383, 332, 291),
    row("stime", -1, 25, -1, -1),
    row("stty", -1, 31, -1, -1),
    row("subpage_prot", -1, -1, -1, -1),
    row("swapcontext", -1, -1, -1, -1),
    row("swapoff", 168, 115, 168, 225),
    row("swapon", 167, 87, 167, 224),
    row("switch_endian", -1, -1, -1, -1),
    row("symlink", 88, 83, 88, -1),
    row("symlinkat", 266, 304, 266, 36),
    row("sync", 162, 36, 162, 81),
    row("sync_file_range", 277, 314, 277, 84),
    row("sync_file_range2", -1, -1, -1, -1),
    row("syncfs", 306, 344, 306, 267),
    row("sys_debug_setcontext", -1, -1, -1, -1),
    row("sysfs", 139, 135, 139, -1),
    row("sysinfo", 99, 116, 99, 179),
    row("syslog", 103, 103, 103, 116),
    row("sysmips", -1, -1, -1, -1),
    row("tee", 276, 315, 276, 77),
    row("tgkill", 234, 270, 234, 131),
    row("time", 201, 13, 201, -1),
    row("timer_create", 222, 259, 526, 107),
    row("timer_delete", 226, 263, 226, 111),
    row("timer_getoverrun", 225, 262, 225, 109),
    row("timer_gettime", 224, 261, 224, 108),
    row("timer_gettime64", -1, 408, -1, -1),
    row("timer_settime", 223, 260, 223, 110),
    row("timer_settime64", -1, 409, -1, -1),
    row("timerfd", -1, -1, -1, -1),
    row("timerfd_create", 283, 322, 283, 85),
    row("timerfd_gettime", 287, 326, 287, 87),
    row("timerfd_gettime64", -1, 410, -1, -1),
    row("timerfd_settime", 286, 325, 286, 86),
    row("timerfd_settime64", -1, 411, -1, -1),
    row("times", 100, 43, 100, 153),
    row("tkill", 200, 238, 200, 130),
    row("truncate", 76, 92, 76, -1),
    row("truncate64", -1, 193, -1, -1),
    row("tuxcall", 184, -1, 184, -1),
    row("ugetrlimit", -1, 191, -1, -1),
    row("ulimit", -1, 58, -1, -1),
    row("umask", 95, 60, 95, 166),
    row("umount", -1, 22, -1, -1),
    row("umount2", 166, 52, 166, 39),
    row("uname", 63, 122, 63, 160),
    row("unlink", 87, 10, 87, -1),
    row("unlinkat", 263, 301, 263, 35),
    row("unshare", 272, 310, 272, 97),
    row("uprobe", 336, -1, -1, -1),
    row("uretprobe", 335, -1, -1, -1),
    row("uselib", 134, 86, -1, -1),
    row("userfaultfd", 323, 374, 323, 282),
    row("usr26", -1, -1, -1, -1),
    row("usr32", -1, -1, -1, -1),
    row("ustat", 136, 62, 136, -1),
    row("utime", 132, 30, 132, -1),
    row("utimensat", 280, 320, 280, 88),
    row("utimensat_time64", -1, 412, -1, -1),
    row("utimes", 235, 271, 235, -1),
    row("vfork", 58, 190, 58, -1),
    row("vhangup", 153, 111, 153, 58),
    row("vm86", -1, 166, -1, -1),
    row("vm86old", -1, 113, -1, -1),
    row("vmsplice", 278, 316, 532, 75),
    row("vserver", 236, 273, -1, -1),
    row("wait4", 61, 114, 61, 260),
    row("waitid", 247, 284, 529, 95),
    row("waitpid", -1, 7, -1, -1),
    row("write", 1, 4, 1, 64),
    row("writev", 20, 146, 516, 66),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_unique() {
        assert!(TABLE.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn no_number_is_given_twice() {
        for arch in [Arch::X86_64, Arch::X86, Arch::X32, Arch::Aarch64] {
            let rows = 0..u16::try_from(TABLE.len()).unwrap();
            let mut numbers: Vec<_> = rows.filter_map(|row| number(row, arch)).collect();
            let all = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), all, "{arch:?}");
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn numbers_are_those_of_libc() {
        macro_rules! all {
            ($($name:ident)*) => { [$((stringify!($name), libc::$name)),*] };
        }
        #[rustfmt::skip]
        let all = all![
            SYS_read SYS_write SYS_open SYS_close SYS_stat SYS_fstat SYS_lstat SYS_poll
            SYS_lseek SYS_mmap SYS_mprotect SYS_munmap SYS_brk SYS_rt_sigaction
            SYS_rt_sigprocmask SYS_rt_sigreturn SYS_ioctl SYS_pread64
            SYS_pwrite64 SYS_readv SYS_writev SYS_access SYS_pipe SYS_select
            SYS_sched_yield SYS_mremap SYS_msync SYS_mincore SYS_madvise SYS_shmget
            SYS_shmat SYS_shmctl SYS_dup SYS_dup2 SYS_pause SYS_nanosleep SYS_getitimer
            SYS_alarm SYS_setitimer SYS_getpid SYS_sendfile SYS_socket SYS_connect
            SYS_accept SYS_sendto SYS_recvfrom SYS_sendmsg SYS_recvmsg SYS_shutdown
            SYS_bind SYS_listen SYS_getsockname SYS_getpeername SYS_socketpair
            SYS_setsockopt SYS_getsockopt SYS_clone SYS_fork SYS_vfork SYS_execve
            SYS_exit SYS_wait4 SYS_kill SYS_uname SYS_semget SYS_semop SYS_semctl SYS_shmdt
            SYS_msgget SYS_msgsnd SYS_msgrcv SYS_msgctl SYS_fcntl SYS_flock SYS_fsync
            SYS_fdatasync SYS_truncate SYS_ftruncate SYS_getdents SYS_getcwd
            SYS_chdir SYS_fchdir SYS_rename SYS_mkdir SYS_rmdir SYS_creat SYS_link
            SYS_unlink SYS_symlink SYS_readlink SYS_chmod SYS_fchmod SYS_chown
            SYS_fchown SYS_lchown SYS_umask SYS_gettimeofday SYS_getrlimit
            SYS_getrusage SYS_sysinfo SYS_times SYS_ptrace SYS_getuid SYS_syslog
            SYS_getgid SYS_setuid SYS_setgid SYS_geteuid SYS_getegid SYS_setpgid
            SYS_getppid SYS_getpgrp SYS_setsid SYS_setreuid SYS_setregid
            SYS_getgroups SYS_setgroups SYS_setresuid SYS_getresuid
            SYS_setresgid SYS_getresgid SYS_getpgid SYS_setfsuid SYS_setfsgid
            SYS_getsid SYS_capget SYS_capset SYS_rt_sigpending
            SYS_rt_sigtimedwait SYS_rt_sigqueueinfo SYS_rt_sigsuspend
            SYS_sigaltstack SYS_utime SYS_mknod SYS_uselib SYS_personality SYS_ustat
            SYS_statfs SYS_fstatfs SYS_sysfs SYS_getpriority SYS_setpriority
            SYS_sched_setparam SYS_sched_getparam SYS_sched_setscheduler
            SYS_sched_getscheduler SYS_sched_get_priority_max
            SYS_sched_get_priority_min SYS_sched_rr_get_interval
            SYS_mlock SYS_munlock SYS_mlockall SYS_munlockall SYS_vhangup
            SYS_modify_ldt SYS_pivot_root SYS__sysctl SYS_prctl SYS_arch_prctl
            SYS_adjtimex SYS_setrlimit SYS_chroot SYS_sync SYS_acct SYS_settimeofday
            SYS_mount SYS_umount2 SYS_swapon SYS_swapoff SYS_reboot SYS_sethostname
            SYS_setdomainname SYS_iopl SYS_ioperm SYS_init_module
            SYS_delete_module SYS_quotactl SYS_nfsservctl SYS_getpmsg
            SYS_putpmsg SYS_afs_syscall SYS_tuxcall SYS_security SYS_gettid
            SYS_readahead SYS_setxattr SYS_lsetxattr SYS_fsetxattr SYS_getxattr
            SYS_lgetxattr SYS_fgetxattr SYS_listxattr SYS_llistxattr
            SYS_flistxattr SYS_removexattr SYS_lremovexattr SYS_fremovexattr
            SYS_tkill SYS_time SYS_futex SYS_sched_setaffinity
            SYS_sched_getaffinity SYS_set_thread_area SYS_io_setup
            SYS_io_destroy SYS_io_getevents SYS_io_submit SYS_io_cancel
            SYS_get_thread_area SYS_lookup_dcookie SYS_epoll_create
            SYS_epoll_ctl_old SYS_epoll_wait_old SYS_remap_file_pages
            SYS_getdents64 SYS_set_tid_address SYS_restart_syscall
            SYS_semtimedop SYS_fadvise64 SYS_timer_create SYS_timer_settime
            SYS_timer_gettime SYS_timer_getoverrun SYS_timer_delete
            SYS_clock_settime SYS_clock_gettime SYS_clock_getres
            SYS_clock_nanosleep SYS_exit_group SYS_epoll_wait SYS_epoll_ctl
            SYS_tgkill SYS_utimes SYS_vserver SYS_mbind SYS_set_mempolicy
            SYS_get_mempolicy SYS_mq_open SYS_mq_unlink SYS_mq_timedsend
            SYS_mq_timedreceive SYS_mq_notify SYS_mq_getsetattr
            SYS_kexec_load SYS_waitid SYS_add_key SYS_request_key SYS_keyctl
            SYS_ioprio_set SYS_ioprio_get SYS_inotify_init
            SYS_inotify_add_watch SYS_inotify_rm_watch SYS_migrate_pages
            SYS_openat SYS_mkdirat SYS_mknodat SYS_fchownat SYS_futimesat
            SYS_newfstatat SYS_unlinkat SYS_renameat SYS_linkat SYS_symlinkat
            SYS_readlinkat SYS_fchmodat SYS_faccessat SYS_pselect6 SYS_ppoll
            SYS_unshare SYS_set_robust_list SYS_get_robust_list SYS_splice
            SYS_tee SYS_sync_file_range SYS_vmsplice SYS_move_pages
            SYS_utimensat SYS_epoll_pwait SYS_signalfd SYS_timerfd_create
            SYS_eventfd SYS_fallocate SYS_timerfd_settime
            SYS_timerfd_gettime SYS_accept4 SYS_signalfd4 SYS_eventfd2
            SYS_epoll_create1 SYS_dup3 SYS_pipe2 SYS_inotify_init1 SYS_preadv
            SYS_pwritev SYS_rt_tgsigqueueinfo SYS_perf_event_open
            SYS_recvmmsg SYS_fanotify_init SYS_fanotify_mark SYS_prlimit64
            SYS_name_to_handle_at SYS_open_by_handle_at
            SYS_clock_adjtime SYS_syncfs SYS_sendmmsg SYS_setns SYS_getcpu
            SYS_process_vm_readv SYS_process_vm_writev SYS_kcmp
            SYS_finit_module SYS_sched_setattr SYS_sched_getattr
            SYS_renameat2 SYS_seccomp SYS_getrandom SYS_memfd_create
            SYS_kexec_file_load SYS_bpf SYS_execveat SYS_userfaultfd
            SYS_membarrier SYS_mlock2 SYS_copy_file_range SYS_preadv2
            SYS_pwritev2 SYS_pkey_mprotect SYS_pkey_alloc SYS_pkey_free
            SYS_statx SYS_rseq SYS_pidfd_send_signal SYS_io_uring_setup
            SYS_io_uring_enter SYS_io_uring_register SYS_open_tree
            SYS_move_mount SYS_fsopen SYS_fsconfig SYS_fsmount SYS_fspick
            SYS_pidfd_open SYS_clone3 SYS_close_range SYS_openat2
            SYS_pidfd_getfd SYS_faccessat2 SYS_process_madvise
            SYS_epoll_pwait2 SYS_mount_setattr SYS_quotactl_fd
            SYS_landlock_create_ruleset SYS_landlock_add_rule
            SYS_landlock_restrict_self SYS_memfd_secret
            SYS_process_mrelease SYS_futex_waitv
            SYS_set_mempolicy_home_node SYS_fchmodat2 SYS_mseal
        ];
        for (name, expected) in all {
            let name = name.strip_prefix("SYS_").unwrap();
            let found = find(name).and_then(|row| number(row, Arch::X86_64));
            assert_eq!(found.map(i64::from), Some(expected), "{name}");
        }
    }
}
