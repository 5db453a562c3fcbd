//! Themes: a colour for each meaning. Which cells have which meaning is the drawing's
//! affair; here is only what a meaning looks like.

use super::color::Color;

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "ROLES tells what each is for")]
pub enum Role {
    Text,
    Background,
    Quiet,
    Good,
    Warn,
    Bad,
    Accent,
    Graph,
    GraphLimit,
    Selection,
    SelectionText,
}

/// Every role with its name in a `[theme.NAME]` section and what it is for.
pub const ROLES: [(Role, &str, &str); 11] = [
    (Role::Text, "text", "ordinary text"),
    (
        Role::Background,
        "background",
        "what lies behind everything",
    ),
    (
        Role::Quiet,
        "quiet",
        "what recedes; \"dim\" is ordinary text, dimmed",
    ),
    (Role::Good, "good", "it works"),
    (Role::Warn, "warn", "it needs watching"),
    (Role::Bad, "bad", "it failed, or is at its limit"),
    (Role::Accent, "accent", "keys, and where you are"),
    (Role::Graph, "graph", "figures in a graph"),
    (
        Role::GraphLimit,
        "graph_limit",
        "the limit in a graph; \"dim\" as for quiet",
    ),
    (
        Role::Selection,
        "selection",
        "behind the selected row; \"reverse\" swaps text and background",
    ),
    (
        Role::SelectionText,
        "selection_text",
        "text of the selected row",
    ),
];

/// How a role is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// In a colour.
    Color(Color),
    /// In the colour of ordinary text, dimmed by the terminal.
    Dim,
    /// With text and background swapped.
    Reverse,
}

/// A theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    paints: [Paint; ROLES.len()],
}

impl Palette {
    /// How a role is painted.
    pub fn paint(&self, role: Role) -> Paint {
        self.paints[role as usize]
    }

    /// The same with another paint for a role.
    #[must_use]
    pub fn with(mut self, role: Role, paint: Paint) -> Self {
        self.paints[role as usize] = paint;
        self
    }
}

impl Palette {
    /// For terminals with sixteen colours: an exact colour has no near one among them
    /// that every user's palette keeps apart from the rest, so the first theme's stands
    /// in for it.
    #[must_use]
    pub fn in_sixteen(mut self) -> Self {
        for (paint, safe) in self.paints.iter_mut().zip(SHIPPED[0].1.paints) {
            if matches!(paint, Paint::Color(Color::Rgb(..))) {
                *paint = safe;
            }
        }
        self
    }
}

impl Paint {
    /// Reads what may stand for a role.
    pub fn parse(role: Role, text: &str) -> Result<Self, String> {
        match (role, text) {
            (Role::Quiet | Role::GraphLimit, "dim") => Ok(Self::Dim),
            (Role::Selection, "reverse") => Ok(Self::Reverse),
            _ => Color::parse(text).map(Self::Color),
        }
    }
}

const fn rgb(hex: u32) -> Paint {
    let [_, red, green, blue] = hex.to_be_bytes();
    Paint::Color(Color::Rgb(red, green, blue))
}

const fn ansi(number: u8) -> Paint {
    Paint::Color(Color::Ansi(number))
}

const OWN: Paint = Paint::Color(Color::Default);

/// The shipped themes; the first is used if nothing is said.
pub const SHIPPED: [(&str, Palette); 5] = [
    // The terminal's own text and background, so that it fits dark and light ones, and
    // of its sixteen colours only those that palettes keep readable.
    (
        "terminal",
        Palette {
            paints: [
                OWN,
                OWN,
                Paint::Dim,
                ansi(2),
                ansi(3),
                ansi(1),
                OWN,
                ansi(6),
                Paint::Dim,
                Paint::Reverse,
                OWN,
            ],
        },
    ),
    (
        "dark",
        Palette {
            paints: [
                rgb(0xd4d9e1),
                rgb(0x12161d),
                rgb(0x8b95a5),
                rgb(0x7cc37c),
                rgb(0xe2b85b),
                rgb(0xf47272),
                rgb(0x82aaff),
                rgb(0x62b6cb),
                rgb(0x9a86c8),
                rgb(0x2d4f7c),
                rgb(0xffffff),
            ],
        },
    ),
    (
        "light",
        Palette {
            paints: [
                rgb(0x24292f),
                rgb(0xfafafa),
                rgb(0x656d76),
                rgb(0x1a7f37),
                rgb(0x8a5a00),
                rgb(0xc01c28),
                rgb(0x0550ae),
                rgb(0x0f6c85),
                rgb(0x7d4e9e),
                rgb(0xbfd9ff),
                rgb(0x10141a),
            ],
        },
    ),
    (
        "contrast",
        Palette {
            paints: [
                rgb(0xffffff),
                rgb(0x000000),
                rgb(0xc8c8c8),
                rgb(0x4dff4d),
                rgb(0xffe14d),
                rgb(0xff8c8c),
                rgb(0x66d9ff),
                rgb(0x33e6ff),
                rgb(0xffb3ff),
                rgb(0xffff00),
                rgb(0x000000),
            ],
        },
    ),
    // Blue, yellow and vermilion of Okabe and Ito's set, lightened where the background
    // asks for it: they stay apart without red or without green, and differ in lightness.
    (
        "colorblind",
        Palette {
            paints: [
                rgb(0xe2e4e8),
                rgb(0x14161a),
                rgb(0x979da8),
                rgb(0x56b4e9),
                rgb(0xf0e442),
                rgb(0xe8702a),
                rgb(0xffffff),
                rgb(0x7fa8e0),
                rgb(0xcc9fbb),
                rgb(0xf2f2f2),
                rgb(0x14161a),
            ],
        },
    ),
];

/// A shipped theme by name.
pub fn shipped(name: &str) -> Option<Palette> {
    let found = SHIPPED.iter().find(|(known, _)| *known == name);
    found.map(|(_, palette)| *palette)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Linear = [f64; 3];

    fn linear(paint: Paint) -> Option<Linear> {
        let Paint::Color(Color::Rgb(red, green, blue)) = paint else {
            return None;
        };
        // https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
        Some([red, green, blue].map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        }))
    }

    fn luminance([red, green, blue]: Linear) -> f64 {
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(a: Linear, b: Linear) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn roles_stand_in_the_order_of_their_paints() {
        for (n, (role, ..)) in ROLES.iter().enumerate() {
            assert_eq!(*role as usize, n);
        }
    }

    #[test]
    fn every_role_can_be_read_on_its_background_by_wcag() {
        for (name, palette) in &SHIPPED[1..] {
            // AA asks for 4.5 for text, 3 for graphs; AAA for 7.
            let (text, graph) = match *name {
                "contrast" => (7.0, 7.0),
                _ => (4.5, 3.0),
            };
            let paint = |role| linear(palette.paint(role)).expect("shipped themes are exact");
            for (role, told, _) in ROLES {
                let (behind, least) = match role {
                    Role::Background | Role::Selection => continue,
                    Role::SelectionText => (Role::Selection, text),
                    Role::Graph | Role::GraphLimit => (Role::Background, graph),
                    _ => (Role::Background, text),
                };
                let ratio = contrast(paint(role), paint(behind));
                assert!(ratio >= least, "{name}: {told} has only {ratio:.2}");
            }
        }
    }

    /// What is left of a colour where one kind of cone is missing: Viénot, Brettel and
    /// Mollon 1999.
    fn seen([red, green, blue]: Linear, without: &str) -> Linear {
        let matrix = match without {
            "red" => [
                [0.11238, 0.88762, 0.0],
                [0.11238, 0.88762, 0.0],
                [0.00401, -0.00401, 1.0],
            ],
            _ => [
                [0.29275, 0.70725, 0.0],
                [0.29275, 0.70725, 0.0],
                [-0.02234, 0.02234, 1.0],
            ],
        };
        matrix.map(|row| (row[0] * red + row[1] * green + row[2] * blue).clamp(0.0, 1.0))
    }

    fn lab([red, green, blue]: Linear) -> [f64; 3] {
        let f = |t: f64| {
            if t > 0.008_856 {
                t.cbrt()
            } else {
                7.787 * t + 16.0 / 116.0
            }
        };
        let x = f((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047);
        let y = f(0.2126 * red + 0.7152 * green + 0.0722 * blue);
        let z = f((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883);
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn tones_of_the_colour_blind_theme_stay_apart_without_red_or_green() {
        let palette = shipped("colorblind").expect("it is shipped");
        let tones = [Role::Good, Role::Warn, Role::Bad, Role::Quiet];
        for without in ["red", "green"] {
            for (n, one) in tones.iter().enumerate() {
                for other in &tones[n + 1..] {
                    let [a, b] = [one, other].map(|role| {
                        let color = linear(palette.paint(*role)).expect("it is exact");
                        lab(seen(color, without))
                    });
                    let parts = a.iter().zip(b).map(|(a, b)| (a - b).powi(2));
                    let distance = parts.sum::<f64>().sqrt();
                    assert!(
                        distance > 20.0,
                        "{one:?} and {other:?} without {without}: {distance:.0}"
                    );
                }
            }
        }
    }
}
