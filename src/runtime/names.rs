//! Names of containers: which are valid, and random ones for those who give none.

/// Whether a name is valid, by docker's rule: `[a-zA-Z0-9][a-zA-Z0-9_.-]+`. The length
/// is bounded by what a file name may have.
pub fn is_valid(name: &str) -> bool {
    (2..=128).contains(&name.len())
        && name.as_bytes()[0].is_ascii_alphanumeric()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// The name that four random bytes make: an adjective, and a word from the harbour.
pub fn from_random(random: [u8; 4]) -> String {
    let pick =
        |list: &[&'static str], at: [u8; 2]| list[usize::from(u16::from_le_bytes(at)) % list.len()];
    let [a, b, c, d] = random;
    format!("{}_{}", pick(ADJECTIVES, [a, b]), pick(NOUNS, [c, d]))
}

/// First words.
const ADJECTIVES: &[&str] = &[
    "able", "agile", "amber", "ample", "apt", "azure", "balmy", "bold", "brave", "breezy",
    "bright", "brisk", "broad", "busy", "calm", "candid", "civil", "clear", "clever", "coral",
    "cosy", "crisp", "curious", "dapper", "daring", "deft", "eager", "early", "earnest", "easy",
    "even", "fair", "faithful", "fancy", "fine", "firm", "fleet", "fond", "frank", "free", "fresh",
    "gallant", "gentle", "glad", "golden", "grand", "hardy", "hearty", "honest", "humble", "ivory",
    "jolly", "jovial", "keen", "kind", "lively", "loyal", "lucid", "lucky", "mellow", "merry",
    "mighty", "mild", "modest", "neat", "nimble", "noble", "patient", "plain", "plucky", "polite",
    "prime", "prompt", "proud", "quick", "quiet", "rapid", "ready", "robust", "rosy", "royal",
    "sandy", "serene", "sharp", "silver", "smooth", "snug", "sober", "solid", "spry", "stable",
    "steady", "sunny", "swift", "tidy", "trim", "trusty", "vivid", "warm", "witty",
];

/// Second words.
const NOUNS: &[&str] = &[
    "albatross",
    "anchor",
    "anchovy",
    "atoll",
    "auk",
    "ballast",
    "barge",
    "barnacle",
    "bay",
    "beacon",
    "binnacle",
    "boatswain",
    "bollard",
    "bosun",
    "breakwater",
    "bulkhead",
    "buoy",
    "canal",
    "capstan",
    "captain",
    "cargo",
    "catamaran",
    "chart",
    "clipper",
    "cockle",
    "cod",
    "compass",
    "conch",
    "cormorant",
    "coxswain",
    "crab",
    "crane",
    "crate",
    "current",
    "cutter",
    "davit",
    "deckhand",
    "delta",
    "derrick",
    "dinghy",
    "dock",
    "dolphin",
    "dory",
    "drydock",
    "eel",
    "estuary",
    "fathom",
    "ferry",
    "fjord",
    "flotilla",
    "frigate",
    "galleon",
    "galley",
    "gannet",
    "gangway",
    "gull",
    "halyard",
    "harbour",
    "hatch",
    "haven",
    "hawser",
    "helm",
    "heron",
    "herring",
    "hull",
    "inlet",
    "islet",
    "jetty",
    "jib",
    "junk",
    "keel",
    "kelp",
    "kestrel",
    "ketch",
    "lagoon",
    "lantern",
    "lighthouse",
    "limpet",
    "lobster",
    "lugger",
    "mackerel",
    "mainsail",
    "mariner",
    "marlin",
    "mast",
    "mooring",
    "mussel",
    "narwhal",
    "nautilus",
    "navigator",
    "osprey",
    "otter",
    "oyster",
    "paddle",
    "pelican",
    "petrel",
    "pier",
    "pilot",
    "plover",
    "porpoise",
    "porthole",
    "prow",
    "puffin",
    "quay",
    "raft",
    "reef",
    "regatta",
    "rigging",
    "rudder",
    "sailor",
    "salmon",
    "sandpiper",
    "schooner",
    "seal",
    "sextant",
    "shipwright",
    "shoal",
    "skiff",
    "skipper",
    "sloop",
    "sounder",
    "squall",
    "starfish",
    "stern",
    "stevedore",
    "sturgeon",
    "tanker",
    "tern",
    "tide",
    "tiller",
    "topsail",
    "trawler",
    "trident",
    "tug",
    "turtle",
    "urchin",
    "voyage",
    "walrus",
    "warden",
    "wherry",
    "whale",
    "wharf",
    "winch",
    "windlass",
    "yacht",
    "yawl",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_dockers_rule() {
        for good in ["web", "a1", "Web_1.x-y", "0day"] {
            assert!(is_valid(good), "{good}");
        }
        let long = "a".repeat(129);
        for bad in [
            "", "a", "-web", ".x", "_x", "we b", "a/b", "..", "ä1", &long,
        ] {
            assert!(!is_valid(bad), "{bad}");
        }
    }

    #[test]
    fn every_random_name_is_valid_and_no_word_is_listed_twice() {
        for list in [ADJECTIVES, NOUNS] {
            let mut words = list.to_vec();
            words.sort_unstable();
            words.dedup();
            assert_eq!(words.len(), list.len());
        }
        for n in 0..=u16::MAX {
            let [a, b] = n.to_le_bytes();
            assert!(is_valid(&from_random([a, b, b, a])));
        }
    }
}
