//! The keys of the forms that run a container and build an image.

use super::super::{Effect, Flag, Form, Job, Modal, Screen, State, Value, modal::edit};
use crate::{
    action::{Code, Key},
    format::text::sanitize,
    model::Planned,
};

/// How many images are offered while one types.
const OFFERS: usize = 5;

impl State {
    pub(super) fn open_form(&mut self) {
        let image = match self.screen {
            Screen::Images => {
                let image = self.selected_image();
                image.and_then(|image| image.references.first().cloned())
            }
            _ => None,
        };
        self.open(Box::new(Form::run(image.as_deref().unwrap_or(""))));
    }

    pub(super) fn open(&mut self, mut form: Box<Form>) {
        self.revise(&mut form);
        self.modal = Some(Modal::Run(form));
    }

    pub(super) fn on_form_key(&mut self, key: Key, mut form: Box<Form>) -> Option<Modal> {
        let last = form.fields.len() - 1;
        match (key.code, key.ctrl) {
            (Code::Esc, _) => return None,
            (Code::Up | Code::BackTab, _) => form.cursor = form.cursor.saturating_sub(1),
            (Code::Down | Code::Tab, _) => form.cursor = (form.cursor + 1).min(last),
            (Code::Enter, _) => {
                form.is_touched = true;
                if form.planned.is_ok() {
                    self.do_form(form);
                    return None;
                }
            }
            (Code::Char('p'), true) => match form.command() {
                Ok(command) => {
                    self.parting = Some(command);
                    self.is_done = true;
                    return None;
                }
                Err(error) => self.say(&error),
            },
            (Code::Char('y'), true) => match form.command() {
                Ok(command) => self.copy("command", command),
                Err(error) => self.say(&error),
            },
            _ => {
                if self.change_field(&mut form, key) {
                    form.is_touched = true;
                }
            }
        }
        self.revise(&mut form);
        Some(Modal::Run(form))
    }

    fn do_form(&mut self, form: Box<Form>) {
        let Ok(Planned::Run(request)) = &form.planned else {
            return self.begin_build(form);
        };
        let what = match &request.name {
            Some(name) => format!("run {}", sanitize(name)),
            None => format!("run {}", sanitize(&request.config.image)),
        };
        let job = Job::Run(request.clone());
        self.begin(what, form.command().ok(), job);
    }

    /// Paths came for what was typed, unless something else was typed since.
    pub(super) fn on_paths(&mut self, typed: &str, offers: Vec<String>) {
        if let Some(Modal::Run(form)) = &mut self.modal
            && form.path().is_some_and(|(now, _)| now == typed)
        {
            form.offers = offers;
        }
    }

    /// Whether the key changed something.
    fn change_field(&self, form: &mut Form, key: Key) -> bool {
        let offer = form.offers.first().cloned();
        match (&mut form.field().value, key.code) {
            (Value::Text(text), Code::Right) => {
                let is_new = offer.is_some();
                *text = offer.unwrap_or_else(|| text.clone());
                is_new
            }
            (Value::Text(text), _) => edit(text, key),
            (Value::Is(is_set), Code::Char(' ') | Code::Left | Code::Right) => {
                *is_set = !*is_set;
                true
            }
            (Value::OneOf(n, of), Code::Char(' ') | Code::Right) => {
                *n = (*n + 1) % of.len();
                true
            }
            (Value::OneOf(n, of), Code::Left) => {
                *n = (*n + of.len() - 1) % of.len();
                true
            }
            _ => false,
        }
    }

    /// Reads the form again and finds what can be offered.
    pub(super) fn revise(&mut self, form: &mut Form) {
        form.plan(self.plan);
        form.offers.clear();
        if let Some((typed, is_directory)) = form.path() {
            self.effects.push(Effect::FindPaths {
                typed: typed.to_owned(),
                is_directory,
            });
            return;
        }
        let field = form.field().clone();
        let (Flag::Image, Value::Text(typed), Some(world)) =
            (field.flag, &field.value, &self.world)
        else {
            return;
        };
        let wanted = typed.to_lowercase();
        let names = world.images.iter().flat_map(|image| &image.references);
        // Those of containers too: images are read only while their screen is shown.
        let used = world
            .containers
            .iter()
            .map(|row| &row.container.config.image);
        let mut offers: Vec<String> = names
            .chain(used)
            .filter(|name| name.to_lowercase().contains(&wanted) && *name != typed)
            .map(|name| sanitize(name).into_owned())
            .collect();
        offers.sort_by_key(|name| (!name.to_lowercase().starts_with(&wanted), name.clone()));
        offers.dedup();
        offers.truncate(OFFERS);
        form.offers = offers;
    }
}
