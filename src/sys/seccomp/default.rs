//! Docker's default profile, compiled from `assets/seccomp.json`, so that a start parses
//! no JSON. A test holds it against its source; after a change there:
//! `WHARF_RENEW=1 cargo test --lib sys::seccomp && cargo fmt`.

use std::borrow::Cow::Borrowed;

use super::{
    Arch,
    policy::{Check, Compare, Profile, Rule, When},
};

pub(super) const PROFILE: Profile = Profile {
    default: 0x50001,
    arches: Borrowed(&[Arch::X86_64, Arch::X86, Arch::X32]),
    rules: Borrowed(RULES),
    flags: 4,
};

const RULES: &[Rule] = &[
    // accept accept4 access adjtimex …
    Rule {
        rows: Borrowed(&[
            3, 4, 5, 8, 10, 15, 19, 21, 22, 23, 24, 25, 26, 27, 29, 30, 31, 32, 33, 34, 35, 36, 41,
            42, 43, 44, 45, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65,
            66, 67, 68, 69, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 86, 87, 88, 89, 91, 95,
            96, 97, 98, 99, 100, 102, 103, 104, 105, 106, 107, 108, 109, 110, 113, 114, 116, 117,
            118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 130, 131, 132, 134, 135,
            136, 137, 138, 139, 140, 141, 142, 143, 144, 145, 146, 147, 148, 149, 150, 151, 155,
            156, 157, 158, 159, 160, 161, 162, 163, 164, 165, 169, 172, 173, 174, 179, 180, 181,
            182, 183, 184, 185, 186, 187, 188, 190, 191, 192, 0, 195, 196, 197, 201, 202, 203, 204,
            206, 207, 208, 210, 211, 212, 213, 214, 215, 216, 217, 218, 219, 225, 227, 228, 229,
            230, 231, 232, 233, 234, 235, 236, 237, 238, 239, 240, 241, 243, 244, 245, 246, 247,
            248, 1, 256, 260, 261, 262, 269, 270, 271, 272, 274, 275, 276, 277, 278, 279, 280, 281,
            282, 283, 284, 286, 291, 292, 295, 296, 297, 301, 302, 304, 305, 306, 308, 309, 310,
            311, 312, 313, 314, 315, 316, 317, 318, 320, 323, 324, 325, 326, 327, 328, 329, 330,
            331, 332, 333, 340, 341, 342, 343, 344, 345, 346, 347, 348, 349, 350, 351, 352, 353,
            355, 356, 357, 358, 359, 360, 361, 362, 363, 364, 365, 366, 369, 370, 371, 374, 375,
            376, 377, 378, 379, 380, 381, 384, 386, 387, 388, 389, 390, 391, 392, 393, 394, 395,
            396, 397, 398, 400, 401, 402, 403, 405, 406, 407, 408, 409, 411, 413, 414, 416, 417,
            420, 421, 422, 426, 427, 428, 429, 431, 439, 440, 441, 442, 444, 447, 450, 451, 452,
            453, 454, 455, 456, 457, 458, 459, 461, 462, 463, 464, 465, 466, 467, 468, 469, 471,
            473, 476, 477, 478, 481, 487, 488, 489, 490, 491, 495, 497, 498, 499, 500, 501,
        ]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[]),
        when: When {
            with: 0x0,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // process_vm_readv process_vm_writev ptrace
    Rule {
        rows: Borrowed(&[287, 288, 293]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[]),
        when: When {
            with: 0x0,
            without: 0x0,
            since: (4, 8),
            until: (0, 0),
        },
    },
    // socket
    Rule {
        rows: Borrowed(&[419]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[Check {
            argument: 0,
            compare: Compare::NotEqual,
            value: 0x28,
            second: 0x0,
        }]),
        when: When {
            with: 0x0,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // personality
    Rule {
        rows: Borrowed(&[267]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[Check {
            argument: 0,
            compare: Compare::Equal,
            value: 0x0,
            second: 0x0,
        }]),
        when: When {
            with: 0x0,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // personality
    Rule {
        rows: Borrowed(&[267]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[Check {
            argument: 0,
            compare: Compare::Equal,
            value: 0x8,
            second: 0x0,
        }]),
        when: When {
            with: 0x0,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // personality
    Rule {
        rows: Borrowed(&[267]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[Check {
            argument: 0,
            compare: Compare::Equal,
            value: 0x20000,
            second: 0x0,
        }]),
        when: When {
            with: 0x0,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // personality
    Rule {
        rows: Borrowed(&[267]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[Check {
            argument: 0,
            compare: Compare::Equal,
            value: 0x20008,
            second: 0x0,
        }]),
        when: When {
            with: 0x0,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // personality
    Rule {
        rows: Borrowed(&[267]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[Check {
            argument: 0,
            compare: Compare::Equal,
            value: 0xffffffff,
            second: 0x0,
        }]),
        when: When {
            with: 0x0,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // arch_prctl
    Rule {
        rows: Borrowed(&[11]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[]),
        when: When {
            with: 0x0,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // modify_ldt
    Rule {
        rows: Borrowed(&[220]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[]),
        when: When {
            with: 0x0,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // open_by_handle_at
    Rule {
        rows: Borrowed(&[257]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[]),
        when: When {
            with: 0x4,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // bpf clone clone3 fanotify_init …
    Rule {
        rows: Borrowed(&[
            16, 39, 40, 70, 90, 92, 93, 94, 189, 194, 198, 199, 200, 221, 222, 223, 258, 266, 299,
            300, 373, 383, 385, 430, 448, 474, 475, 479,
        ]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[]),
        when: When {
            with: 0x200000,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // clone
    Rule {
        rows: Borrowed(&[39]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[Check {
            argument: 0,
            compare: Compare::Masked,
            value: 0x7e020000,
            second: 0x0,
        }]),
        when: When {
            with: 0x0,
            without: 0x200000,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // clone3
    Rule {
        rows: Borrowed(&[40]),
        verdict: 0x50026,
        checks: Borrowed(&[]),
        when: When {
            with: 0x0,
            without: 0x200000,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // reboot
    Rule {
        rows: Borrowed(&[307]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[]),
        when: When {
            with: 0x400000,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // chroot
    Rule {
        rows: Borrowed(&[28]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[]),
        when: When {
            with: 0x40000,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // delete_module finit_module init_module
    Rule {
        rows: Borrowed(&[47, 85, 154]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[]),
        when: When {
            with: 0x10000,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // acct
    Rule {
        rows: Borrowed(&[6]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[]),
        when: When {
            with: 0x100000,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // kcmp pidfd_getfd process_madvise process_vm_readv …
    Rule {
        rows: Borrowed(&[175, 268, 285, 287, 288, 293]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[]),
        when: When {
            with: 0x80000,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // iopl ioperm
    Rule {
        rows: Borrowed(&[171, 170]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[]),
        when: When {
            with: 0x20000,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // clock_settime clock_settime64 settimeofday stime
    Rule {
        rows: Borrowed(&[37, 38, 399, 432]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[]),
        when: When {
            with: 0x2000000,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // vhangup
    Rule {
        rows: Borrowed(&[492]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[]),
        when: When {
            with: 0x4000000,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // get_mempolicy mbind set_mempolicy set_mempolicy_home_node
    Rule {
        rows: Borrowed(&[112, 205, 367, 368]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[]),
        when: When {
            with: 0x800000,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // syslog
    Rule {
        rows: Borrowed(&[448]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[]),
        when: When {
            with: 0x400000000,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // bpf
    Rule {
        rows: Borrowed(&[16]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[]),
        when: When {
            with: 0x8000000000,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
    // perf_event_open
    Rule {
        rows: Borrowed(&[266]),
        verdict: 0x7fff0000,
        checks: Borrowed(&[]),
        when: When {
            with: 0x4000000000,
            without: 0x0,
            since: (0, 0),
            until: (0, 0),
        },
    },
];
