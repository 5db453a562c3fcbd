//! One line of text that a change of a control group needs before it can be asked for.

use crate::{
    action::Action,
    model::{GroupChange, OWN_GROUPS, ProcessRef},
};

/// What is being asked, and what was typed so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPrompt {
    /// What for.
    pub action: Action,
    /// The group that it is about: of a new one the group above it.
    pub path: String,
    /// What was typed.
    pub text: String,
    /// Why that won't do.
    pub fault: Option<String>,
}

impl GroupPrompt {
    /// Nothing typed yet.
    pub fn new(action: Action, path: &str) -> Self {
        Self {
            action,
            path: path.to_owned(),
            text: String::new(),
            fault: None,
        }
    }

    /// The question.
    pub fn title(&self) -> String {
        let name = self.path.strip_prefix(OWN_GROUPS).unwrap_or(&self.path);
        let name = name.trim_start_matches('/');
        match self.action {
            Action::CreateGroup if name.is_empty() => "Make a group".into(),
            Action::CreateGroup => format!("Make a group in {name}"),
            _ => format!("Move a process into {name}"),
        }
    }

    /// What may be typed.
    pub fn allowed(&self) -> &'static str {
        match self.action {
            Action::CreateGroup => "a name of letters, digits, - and _",
            _ => "a process id, as ps and top show it",
        }
    }

    /// The change that was typed, or what is wrong with it.
    pub fn change(&self) -> Result<GroupChange, String> {
        let text = self.text.trim();
        if text.is_empty() {
            return Err(self.allowed().into());
        }
        match self.action {
            Action::CreateGroup => Ok(GroupChange::Create {
                path: format!("{}/{text}", self.path),
                files: Vec::new(),
            }),
            _ => match text.parse::<i32>() {
                Ok(pid) if pid > 0 => Ok(GroupChange::Move {
                    path: self.path.clone(),
                    process: ProcessRef {
                        pid,
                        started_ticks: None,
                    },
                }),
                _ => Err(format!("{text} is not {}", self.allowed())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_becomes_a_change_or_a_reason() {
        let mut prompt = GroupPrompt::new(Action::CreateGroup, OWN_GROUPS);
        assert!(prompt.change().is_err());
        prompt.text = " night ".into();
        assert_eq!(prompt.change().unwrap().path(), "wharf/groups/night");
        let mut prompt = GroupPrompt::new(Action::MoveIntoGroup, "wharf/groups/night");
        for bad in ["", "x", "-1", "0", "99999999999"] {
            prompt.text = bad.into();
            assert!(prompt.change().is_err(), "{bad}");
        }
        prompt.text = "42".into();
        assert!(prompt.change().is_ok());
        assert_eq!(prompt.title(), "Move a process into night");
    }
}
