//! Builds: asking what, beginning, following, cancelling, looking into what failed.

use jiff::Timestamp;

use super::{
    super::{
        BuildLine, Effect, Failure, Form, Pane, Passage, Pending, Screen, State, builds::BuildRun,
    },
    TOAST,
};
use crate::{
    action::Action,
    format::{
        build::{BuildEnd, seconds},
        text::sanitize,
    },
    model::{BuildEvent, Planned},
};

impl State {
    pub(super) fn perform_on_build(&mut self, action: Action) {
        let selected = self.builds.selected();
        let number = selected.map(|(build, _)| build.number);
        match (action, number) {
            (Action::Build, _) => self.open_build_form(),
            (Action::ForgetBuilds, _) => {
                for number in self.builds.forget_ended() {
                    self.effects.push(Effect::CancelBuild(number));
                }
                self.builds.arrange();
            }
            (Action::FoldBuild, _) => self.builds.fold(),
            (Action::CancelBuild, Some(number)) => {
                self.effects.push(Effect::CancelBuild(number));
            }
            (Action::RetryBuild, Some(number)) => {
                let form = self
                    .builds
                    .find(number)
                    .and_then(|build| build.form.clone());
                // What its failed step left has served.
                self.effects.push(Effect::CancelBuild(number));
                if let Some(form) = form {
                    self.begin_build(form);
                }
            }
            (Action::StepShell, Some(number)) => {
                let build = self.builds.find(number);
                if let Some(id) = build.and_then(BuildRun::container).cloned() {
                    let passage = Passage::Step;
                    self.effects.push(Effect::Interact { id, passage });
                }
            }
            _ => {}
        }
    }

    /// The form as it was filled for the build under the cursor, or an empty one.
    fn open_build_form(&mut self) {
        let selected = match self.screen {
            Screen::Builds => self.builds.selected(),
            _ => None,
        };
        let filled = selected.and_then(|(build, _)| build.form.clone());
        self.open(filled.unwrap_or_else(|| Box::new(Form::build())));
    }

    /// Begins what a form says, which can be built as far as its words tell.
    pub(super) fn begin_build(&mut self, form: Box<Form>) {
        let (Ok(words), Ok(command), Ok(Planned::Build)) =
            (form.words(), form.command(), &form.planned)
        else {
            return;
        };
        let title = sanitize(&form.build_title()).into_owned();
        let now = (self.now(), self.clock);
        let deed = self
            .activity
            .begin_deed(now, format!("build {title}"), Some(command));
        let number = self.builds.begin(title, form, deed, self.clock);
        self.drop_outlived_builds();
        self.effects.push(Effect::Build { number, words });
        self.go_to_screen(Screen::Builds);
        self.pane = Pane::Table;
        self.builds.list.filter.clear();
        self.builds.list.selected = Some(BuildLine::Build(number));
        self.builds.arrange();
    }

    /// One that was begun elsewhere is seen.
    pub(super) fn on_other_build(&mut self, number: u64, title: &str) {
        let title = sanitize(title).into_owned();
        self.builds.adopt(number, title, self.clock);
        self.drop_outlived_builds();
        self.builds.arrange();
    }

    fn drop_outlived_builds(&mut self) {
        let gone = self.builds.outlived();
        self.effects
            .extend(gone.into_iter().map(Effect::CancelBuild));
    }

    pub(super) fn on_build(&mut self, number: u64, events: &[(Timestamp, BuildEvent)]) {
        let clock = self.clock;
        let Some(build) = self.builds.find_mut(number) else {
            return;
        };
        let was_over = build.is_over();
        for (at, event) in events {
            build.tell(*at, event, clock);
        }
        if build.is_over() && !was_over {
            self.end_build(number);
        }
        self.builds.arrange();
    }

    /// Nothing more is told of it: what a failed step left is gone too.
    pub(super) fn on_build_ended(&mut self, number: u64, failure: Option<Failure>) {
        let Some(build) = self.builds.find_mut(number) else {
            return;
        };
        build.is_held = false;
        if !build.is_over() {
            build.failure = failure;
            build.until = Some(self.clock);
            self.end_build(number);
        }
        self.builds.arrange();
    }

    fn end_build(&mut self, number: u64) {
        let clock = self.clock;
        let Some(build) = self.builds.find_mut(number) else {
            return;
        };
        build.until = Some(clock);
        let took = seconds(build.took(clock));
        let (title, deed) = (build.title.clone(), build.deed);
        let result = match (&build.progress.end, &build.failure) {
            (Some(BuildEnd::Failed(failure)), _) => {
                let told = build.progress.told(failure);
                let hint = failure.hint.as_deref();
                Err(Failure {
                    message: format!("build {title}: {}", sanitize(&told)),
                    hint: hint.map(|hint| sanitize(hint).into_owned()),
                })
            }
            (Some(_), _) => Ok(format!("built {title} in {took}")),
            (None, Some(failure)) => Err(failure.clone()),
            (None, None) => Err(Failure {
                message: format!("build {title}: stopped"),
                hint: None,
            }),
        };
        if let Some(deed) = deed {
            self.activity.end_deed(clock, deed, result.clone());
        }
        self.effects.push(Effect::Refresh);
        match result {
            Ok(line) => self.tell(false, vec![line], None, TOAST),
            // On its own screen all of it stands below.
            Err(_) if self.screen == Screen::Builds => {}
            Err(failure) => self.tell_failure(failure),
        }
    }

    /// Keeps the log in step with what is selected, while one looks at it.
    pub(super) fn watch_build(&mut self) {
        let selected = self.builds.selected();
        let Some((build, line)) = selected else {
            if self.builds.logged.take().is_some() {
                self.details.log = self.details.log.renewed();
            }
            return;
        };
        let (end, steps) = (build.end(), build.progress.steps.len());
        let log = &mut self.details.log;
        let from = match self.builds.logged {
            Some((of, had, to)) if of == line => {
                if to == end && had == steps {
                    return;
                }
                to
            }
            _ => {
                *log = log.renewed();
                0
            }
        };
        log.sources = match line {
            BuildLine::Step(..) => Vec::new(),
            _ => build.sources(),
        };
        log.state = Pending::Ready(());
        log.append(build.rows_of(line, from).cloned().collect());
        self.builds.logged = Some((line, steps, end));
    }
}
