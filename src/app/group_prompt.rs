//! What a change of a control group needs to be told before it can be asked for: a name,
//! a process id, or limits in the words of `wharf update`.

use super::limits::NONE;
use crate::{
    action::Action,
    format::limits,
    model::{GroupChange, GroupLimits, Limit, Limits, OWN_GROUPS, ProcessRef},
};

/// The limits that can be set, in their order on screen.
const LIMITS: [Limit; 13] = [
    Limit::Cpus,
    Limit::CpuShares,
    Limit::CpusetCpus,
    Limit::Memory,
    Limit::MemorySwap,
    Limit::MemoryReservation,
    Limit::MemoryMin,
    Limit::MemoryHigh,
    Limit::Pids,
    Limit::ReadBps,
    Limit::WriteBps,
    Limit::ReadIops,
    Limit::WriteIops,
];

/// What is being asked, and what was typed so far.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupPrompt {
    /// What for.
    pub action: Action,
    /// The group that it is about: of a new one the group above it.
    pub path: String,
    /// The lines to type into.
    pub fields: Vec<Field>,
    /// The line of the cursor.
    pub cursor: usize,
    /// Why what was typed won't do.
    pub fault: Option<String>,
}

/// A line to type into.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Field {
    /// The limit; nothing for a name or a process id.
    pub limit: Option<Limit>,
    /// Its value now, as it would be typed.
    pub now: String,
    /// What was typed.
    pub text: String,
}

impl GroupPrompt {
    /// One line, with nothing typed yet.
    pub fn new(action: Action, path: &str) -> Self {
        Self {
            action,
            path: path.to_owned(),
            fields: vec![Field::default()],
            cursor: 0,
            fault: None,
        }
    }

    /// A line for each limit, with what it is now.
    pub fn limits(path: &str, now: &GroupLimits) -> Self {
        let asked = now.asked();
        let field = |limit: Limit| Field {
            limit: Some(limit),
            now: limits::show(limit, &asked).unwrap_or_default(),
            text: String::new(),
        };
        Self {
            fields: LIMITS.map(field).into(),
            ..Self::new(Action::LimitGroup, path)
        }
    }

    /// The question.
    pub fn title(&self) -> String {
        let name = self.path.strip_prefix(OWN_GROUPS).unwrap_or(&self.path);
        let name = name.trim_start_matches('/');
        match self.action {
            Action::CreateGroup if name.is_empty() => "Make a group".into(),
            Action::CreateGroup => format!("Make a group in {name}"),
            Action::LimitGroup => format!("Limits of {name}"),
            _ => format!("Move a process into {name}"),
        }
    }

    /// What may be typed on the line of the cursor.
    pub fn allowed(&self) -> &'static str {
        match (self.action, self.fields.get(self.cursor)) {
            (Action::CreateGroup, _) => "a name of letters, digits, - and _",
            (_, Some(Field { limit: Some(l), .. })) => limits::allowed(*l),
            _ => "a process id, as ps and top show it",
        }
    }

    /// The text of the line of the cursor.
    pub fn text(&mut self) -> Option<&mut String> {
        self.fields
            .get_mut(self.cursor)
            .map(|field| &mut field.text)
    }

    /// Moves the cursor, stopping at both ends.
    pub fn step(&mut self, by: isize) {
        let last = self.fields.len().saturating_sub(1);
        self.cursor = self.cursor.saturating_add_signed(by).min(last);
    }

    /// The change that was typed, or what is wrong with it, with the cursor there.
    pub fn change(&mut self) -> Result<GroupChange, String> {
        if self.action == Action::LimitGroup {
            return self.limit();
        }
        let text = self.fields.first().map_or("", |field| field.text.trim());
        if text.is_empty() {
            return Err(self.allowed().into());
        }
        if self.action == Action::CreateGroup {
            return Ok(GroupChange::Create {
                path: format!("{}/{text}", self.path),
                files: Vec::new(),
            });
        }
        match text.parse::<i32>() {
            Ok(pid) if pid > 0 => Ok(GroupChange::Move {
                path: self.path.clone(),
                process: ProcessRef {
                    pid,
                    started_ticks: None,
                },
            }),
            _ => Err(format!("{text} is not {}", self.allowed())),
        }
    }

    fn limit(&mut self) -> Result<GroupChange, String> {
        let mut asked = Limits::default();
        let mut unset = Vec::new();
        for (n, field) in self.fields.iter().enumerate() {
            let (text, Some(limit)) = (field.text.trim(), field.limit) else {
                continue;
            };
            if text == NONE {
                unset.push(limit);
            } else if !text.is_empty()
                && let Err(fault) = limits::read(limit, text, &mut asked)
            {
                self.cursor = n;
                return Err(fault);
            }
        }
        if asked == Limits::default() && unset.is_empty() {
            return Err(format!("type a value, or {NONE} to take a limit away"));
        }
        Ok(GroupChange::Limit {
            path: self.path.clone(),
            limits: Box::new(asked),
            unset,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Bound;

    fn typed(prompt: &mut GroupPrompt, text: &str) {
        *prompt.text().unwrap() = text.into();
    }

    #[test]
    fn what_was_typed_becomes_a_change_or_a_reason() {
        let mut prompt = GroupPrompt::new(Action::CreateGroup, OWN_GROUPS);
        assert!(prompt.change().is_err());
        typed(&mut prompt, " night ");
        assert_eq!(prompt.change().unwrap().path(), "wharf/groups/night");
        let mut prompt = GroupPrompt::new(Action::MoveIntoGroup, "wharf/groups/night");
        for bad in ["", "x", "-1", "0", "99999999999"] {
            typed(&mut prompt, bad);
            assert!(prompt.change().is_err(), "{bad}");
        }
        typed(&mut prompt, "42");
        assert!(prompt.change().is_ok());
        assert_eq!(prompt.title(), "Move a process into night");
    }

    #[test]
    fn limits_are_typed_as_update_takes_them_and_none_takes_them_away() {
        let now = GroupLimits {
            cpu_millis: Some(Bound::At(1500)),
            memory_max: Some(Bound::At(64 << 20)),
            ..GroupLimits::default()
        };
        let mut prompt = GroupPrompt::limits("wharf/groups/night", &now);
        assert_eq!(
            (&*prompt.fields[0].now, &*prompt.fields[3].now),
            ("1.5", "64m")
        );
        assert!(prompt.change().is_err());
        typed(&mut prompt, "none");
        prompt.step(3);
        typed(&mut prompt, "1g");
        let GroupChange::Limit { limits, unset, .. } = prompt.change().unwrap() else {
            panic!("no limits")
        };
        assert_eq!(limits.memory_bytes, Some(1 << 30));
        assert_eq!(unset, [Limit::Cpus]);
        typed(&mut prompt, "lots");
        prompt.step(-9);
        assert!(prompt.change().is_err());
        assert_eq!(prompt.cursor, 3, "the cursor goes where the fault is");
    }
}
