//! The keys of forms.

use super::super::{Effect, Form, Job, Makes, Modal, Screen, State, Value, modal::edit};
use crate::{
    action::{Code, Key},
    format::text::sanitize,
    model::{NetworkMode, Planned, World},
};

/// How many names are offered while one types.
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
        self.modal = Some(Modal::Form(form));
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
        Some(Modal::Form(form))
    }

    fn do_form(&mut self, form: Box<Form>) {
        match &form.planned {
            Ok(Planned::Build) => self.begin_build(form),
            Ok(planned) => {
                let job = Job::Make(planned.clone());
                self.begin(deed(planned), form.command().ok(), job);
            }
            Err(_) => {}
        }
    }

    /// Paths came for what was typed, unless something else was typed since.
    pub(super) fn on_paths(&mut self, typed: &str, offers: Vec<String>) {
        if let Some(Modal::Form(form)) = &mut self.modal
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
        let (Value::Text(typed), Some(world)) = (&field.value, &self.world) else {
            return;
        };
        let wanted = typed.to_lowercase();
        let fits = |name: &&String| name.to_lowercase().contains(&wanted) && *name != typed;
        let names = match (form.makes, field.title) {
            (Makes::Container, "image") => images(world),
            (Makes::Connection, "network") => {
                world.networks.iter().map(|row| &row.network.name).collect()
            }
            (Makes::Connection, "container") => self.unconnected(world, form),
            _ => return,
        };
        let mut offers: Vec<String> = names
            .into_iter()
            .filter(fits)
            .map(|name| sanitize(name).into_owned())
            .collect();
        offers.sort_by_key(|name| (!name.to_lowercase().starts_with(&wanted), name.clone()));
        offers.dedup();
        offers.truncate(OFFERS);
        form.offers = offers;
    }

    /// Containers that could be connected to the network of a form.
    fn unconnected<'a>(&self, world: &'a World, form: &Form) -> Vec<&'a String> {
        let named = form.fields.iter().find(|field| field.title == "network");
        let named = match named.map(|field| &field.value) {
            Some(Value::Text(text)) => text.trim(),
            _ => "",
        };
        let network = world.networks.iter().find(|row| row.network.name == named);
        let rows = world.containers.iter().filter(|row| {
            let is_on = network
                .and_then(|of| world.member(&of.network, row))
                .is_some();
            row.container.config.network == NetworkMode::Bridge && !is_on
        });
        rows.map(|row| &row.container.name).collect()
    }
}

/// Names of images, those of containers too: images are read only while their screen is
/// shown.
fn images(world: &World) -> Vec<&String> {
    let names = world.images.iter().flat_map(|image| &image.references);
    let used = world.containers.iter();
    let used = used.map(|row| &row.container.config.image);
    names.chain(used).collect()
}

/// What is begun, for the log of what was done. Safe to draw.
fn deed(planned: &Planned) -> String {
    match planned {
        Planned::Run(request) => {
            let name = request.name.as_ref().unwrap_or(&request.config.image);
            format!("run {}", sanitize(name))
        }
        Planned::Build => "build an image".to_owned(),
        Planned::Network(request) => format!("make the network {}", sanitize(&request.name)),
        Planned::Connect {
            container,
            attachment,
        } => {
            let (name, to) = (sanitize(container), sanitize(&attachment.network));
            format!("connect {name} to {to}")
        }
        Planned::Volume(request) => match &request.name {
            Some(name) => format!("make the volume {}", sanitize(name)),
            None => "make a volume".to_owned(),
        },
    }
}
