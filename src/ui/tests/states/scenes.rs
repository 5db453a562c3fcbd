//! How each panel comes into each state, or why it never does.

use std::sync::Arc;

use super::{super::builds, Case, Fake, Key, Message, Panel, State};
use crate::{
    app::Failure,
    model::{Endpoint, NetworkId, Port, Problem, PublishedPort, Sockets, Source, Transport, World},
};

/// How a panel comes into a state.
pub struct Scene {
    pub engine: Fake,
    pub seconds: u64,
    pub keys: &'static str,
    /// Whether what it asks of the engine stays without an answer.
    pub is_mute: bool,
    pub after: fn(&mut State),
}

/// A machine with networks and volumes.
fn connected(keys: &'static str) -> Setting {
    Ok(Scene {
        engine: Fake::connected(),
        ..scene(keys)
    })
}

/// Or why it is never in it.
pub type Setting = Result<Scene, &'static str>;

fn scene(keys: &'static str) -> Scene {
    Scene {
        engine: Fake::full(),
        seconds: 90,
        keys,
        is_mute: false,
        after: |_| (),
    }
}

fn then(keys: &'static str, after: fn(&mut State)) -> Setting {
    Ok(Scene {
        after,
        ..scene(keys)
    })
}

fn keys(keys: &'static str) -> Setting {
    Ok(scene(keys))
}

/// The keys that open it.
fn opened(panel: Panel) -> Setting {
    match panel {
        Panel::Containers => keys("g"),
        Panel::Logs => keys("j l tab"),
        Panel::Stats => keys("j t tab"),
        Panel::Processes => keys("P tab"),
        Panel::Inspect => keys("i tab"),
        Panel::Files => keys("f tab"),
        Panel::Network => {
            let engine = Fake::full();
            engine.change(publish);
            Ok(Scene {
                engine,
                ..scene("L tab")
            })
        }
        Panel::Advice => keys("j v tab"),
        Panel::Images => Err("its own tests draw it"),
        Panel::Cgroups => keys("3 j"),
        Panel::CgroupProcesses => keys("3 j tab"),
        Panel::Events => keys("4 j"),
        Panel::Alerts => keys("5 j"),
        Panel::Activity => then("6", operated),
        Panel::Builds => then("7", |state| builds::several(state, ["shop:3", "web"])),
        Panel::TimeLine => keys("j t . , , ,"),
        Panel::Filter => keys("/ s h o p"),
        Panel::Sort => keys("o j"),
        Panel::GroupBy => keys("b j"),
        Panel::Columns => keys("O j j"),
        Panel::Trouble => keys("/ t r o u b l e enter g !"),
        Panel::Results => then("space space space", operated_on_several),
        Panel::Palette => keys(":"),
        Panel::Help => keys("?"),
        Panel::CgroupPrompt => keys("3 / b a t c h enter G u 1 . 5 down down down 2 g"),
        Panel::Form => keys("R d e b right down s l e e p space 9"),
        Panel::BuildForm => keys("I down s h o p : 3 down down w e b"),
        Panel::Prompt => keys("l tab & g e t"),
        Panel::Menu => keys("y"),
        Panel::Ask => keys("P tab j ctrl-s x"),
        Panel::Confirm => keys("space space d"),
        Panel::Limits => keys("j u 2 down down down 1 g"),
        Panel::TooSmall => keys(""),
        Panel::Networks => connected("8 j"),
        Panel::NetworkMap => connected("8 v"),
        Panel::Volumes => connected("9 j j"),
        Panel::Prune => connected("9 p a"),
    }
}

fn empty(panel: Panel) -> Setting {
    let nothing = |keys| {
        Ok(Scene {
            engine: Fake::empty(),
            ..scene(keys)
        })
    };
    match panel {
        Panel::Containers => nothing(""),
        Panel::Logs => {
            let engine = Fake::full();
            engine.set_log(Vec::new());
            Ok(Scene {
                engine,
                ..scene("l tab")
            })
        }
        Panel::Stats => keys("G t tab"),
        Panel::Processes => then("P tab", |state| {
            state.update(Message::Processes(state.details.watch, Ok(Vec::new())));
        }),
        Panel::Files => then("f tab", |state| {
            state.update(Message::Changes(state.details.watch, Ok(Vec::new())));
        }),
        Panel::Network => then("L tab", |state| {
            state.update(Message::Sockets(
                state.details.watch,
                Ok(Sockets::default()),
            ));
        }),
        Panel::Advice => Ok(Scene {
            seconds: 3,
            ..scene("v tab")
        }),
        Panel::Cgroups => {
            let engine = Fake::full();
            engine.change(|world| world.groups.clear());
            Ok(Scene {
                engine,
                ..scene("3")
            })
        }
        Panel::CgroupProcesses => then("3 j tab", |state| {
            state.update(Message::GroupProcesses(state.details.watch, Ok(Vec::new())));
        }),
        Panel::Events => Ok(Scene {
            is_mute: true,
            after: |state| {
                state.update(Message::Events(state.events.watch, Vec::new()));
            },
            ..scene("4")
        }),
        Panel::Alerts => nothing("5"),
        Panel::Activity => nothing("6"),
        Panel::Builds => nothing("7"),
        Panel::TimeLine => Ok(Scene {
            seconds: 1,
            ..scene(".")
        }),
        Panel::Filter => nothing("/"),
        Panel::Sort => nothing("o"),
        Panel::GroupBy => nothing("b"),
        Panel::Columns => nothing("O"),
        Panel::Palette => keys(": z z z z"),
        Panel::Form => nothing("R"),
        Panel::BuildForm => nothing("I"),
        Panel::Prompt => keys("l tab &"),
        Panel::CgroupPrompt => keys("3 n"),
        Panel::Trouble => then("j !", vanished),
        Panel::Ask => then("P tab j ctrl-s x", vanished),
        Panel::Confirm => then("space space d", vanished),
        Panel::Limits => then("u", vanished),
        Panel::Menu | Panel::Results => Err("it opens with what it lists"),
        Panel::Inspect => Err("a container has its own facts"),
        Panel::Help => Err("there are always keys"),
        Panel::Images => Err("its own tests draw it"),
        Panel::Networks => connected("8 G"),
        Panel::NetworkMap => Ok(Scene {
            engine: Fake::connected(),
            after: vanished,
            ..scene("8 v")
        }),
        Panel::Volumes => nothing("9"),
        Panel::Prune => nothing("9 p"),
        Panel::TooSmall => Err("it says one thing"),
    }
}

fn failed(panel: Panel) -> Setting {
    match panel {
        Panel::Containers => Ok(Scene {
            seconds: 0,
            after: |state| {
                state.update(Message::World(Err(failure("read /var/lib/wharf"))));
                state.clock += std::time::Duration::from_secs(3);
            },
            ..scene("")
        }),
        Panel::Logs => then("l tab", |state| {
            let why = Some(failure("read the log of gateway"));
            state.update(Message::LogEnded(state.details.watch, why));
        }),
        Panel::Stats => then("t tab", |state| {
            let why = Err(failure("read the limits of gateway"));
            state.update(Message::Group(state.details.watch, why));
        }),
        Panel::Processes => then("P tab", |state| {
            let why = Err(failure("list the processes of gateway"));
            state.update(Message::Processes(state.details.watch, why));
        }),
        Panel::Files => then("f tab", |state| {
            let why = Err(failure("compare the files of gateway"));
            state.update(Message::Changes(state.details.watch, why));
        }),
        Panel::Network => then("L tab", |state| {
            let why = Err(failure("list the sockets of gateway"));
            state.update(Message::Sockets(state.details.watch, why));
        }),
        Panel::Advice => then("v tab", |state| {
            let id = state.selected_container().unwrap().container.id.clone();
            state.update(Message::Advice(id, Err(failure("read the recording"))));
        }),
        Panel::Cgroups => {
            let engine = Fake::full();
            engine.change(|world| {
                world.groups.clear();
                world.problems.push(Problem {
                    source: Source::Groups,
                    message: "list control groups: no cgroup hierarchy is mounted".into(),
                    hint: Some("mount cgroup2 on /sys/fs/cgroup".into()),
                });
            });
            Ok(Scene {
                engine,
                ..scene("3")
            })
        }
        Panel::CgroupProcesses => then("3 j tab", |state| {
            let why = failure("read cgroup.procs");
            let watch = state.details.watch;
            state.update(Message::Group(watch, Err(why.clone())));
            state.update(Message::GroupProcesses(watch, Err(why)));
        }),
        Panel::Events => then("4", |state| {
            let why = Some(failure("follow events"));
            state.update(Message::EventsEnded(state.events.watch, why));
        }),
        Panel::Alerts => then("5 j", |state| {
            use crate::config::alert::Channel;
            let why = Err(failure("run notify-me"));
            state.update(Message::Notified("busy".into(), Channel::Bell, why));
        }),
        Panel::Activity => then("6", operated),
        Panel::Builds => then("7", builds::failed),
        Panel::TimeLine => then("j t .", |state| {
            state.update(Message::Moment(Err(failure("read 00000001.wharf"))));
        }),
        Panel::Filter => keys("/ m e m > x"),
        Panel::Trouble => then("j !", |state| {
            let id = state.selected_container().unwrap().container.id.clone();
            state.update(Message::Tail(
                id,
                Err(failure("read the log of orders-api")),
            ));
        }),
        Panel::Results => then("space space space", operated_on_several),
        Panel::CgroupPrompt => keys("3 n enter"),
        Panel::Form => keys("R enter"),
        Panel::BuildForm => keys("I ctrl-u enter"),
        Panel::Prompt => keys("l tab / ~ ("),
        Panel::Limits => keys("u m u c h enter"),
        Panel::Inspect => Err("it shows what the picture has"),
        Panel::Networks => unread("8", Source::Networks, "list networks"),
        Panel::Volumes => unread("9", Source::Volumes, "list volumes"),
        Panel::Prune => Ok(Scene {
            engine: Fake::connected(),
            is_mute: true,
            after: |state| {
                if let Some(crate::app::Modal::Prune(prune)) = &state.modal {
                    let why = Err(failure("measure the volumes"));
                    state.update(Message::Measured(prune.number, why));
                }
            },
            ..scene("9 p")
        }),
        Panel::NetworkMap => Err("it shows what the picture has"),
        Panel::Sort | Panel::GroupBy | Panel::Columns | Panel::Menu | Panel::Help => {
            Err("nothing is read for it")
        }
        Panel::Palette | Panel::Ask | Panel::Confirm => Err("it closes before anything fails"),
        Panel::Images => Err("its own tests draw it"),
        Panel::TooSmall => Err("it says one thing"),
    }
}

/// A list that can't be read.
fn unread(keys: &'static str, source: Source, what: &'static str) -> Setting {
    let engine = Fake::full();
    engine.change(|world| {
        world.problems.push(Problem {
            source,
            message: format!("{what}: input/output error"),
            hint: None,
        });
    });
    Ok(Scene {
        engine,
        ..scene(keys)
    })
}

fn filtered(panel: Panel) -> Setting {
    match panel {
        Panel::Containers => keys("/ s h o p enter"),
        Panel::Logs => keys("l tab & g e t enter"),
        Panel::Inspect => keys("i tab / m e m o enter"),
        Panel::Cgroups => keys("3 / d o c k e r enter"),
        Panel::Networks => connected("8 / p o s t enter"),
        Panel::Volumes => connected("9 / s h o p enter"),
        Panel::NetworkMap => connected("8 / z z z enter v"),
        Panel::Events => keys("4 / o o m enter"),
        Panel::Alerts => keys("5 / g a t e enter"),
        Panel::Activity => then("6 / s t o p enter", operated),
        Panel::Builds => then("7", builds::filtered),
        Panel::TimeLine => keys("/ s h o p enter ."),
        Panel::Palette => keys(": s t o"),
        Panel::Prompt => keys("l tab / g e t"),
        Panel::Filter => keys("/ z z z"),
        Panel::Form => keys("R d e b"),
        Panel::BuildForm => Ok(Scene {
            after: |state| {
                let offers = vec!["./api/".into(), "./app/".into()];
                state.update(Message::Paths("./a".into(), offers));
            },
            ..scene("I a")
        }),
        Panel::Processes | Panel::CgroupProcesses => Err("it has nothing to filter by"),
        Panel::Stats | Panel::Files | Panel::Network | Panel::Advice => {
            Err("it has nothing to filter by")
        }
        Panel::Sort
        | Panel::GroupBy
        | Panel::Columns
        | Panel::Trouble
        | Panel::Results
        | Panel::Help
        | Panel::CgroupPrompt
        | Panel::Menu
        | Panel::Ask
        | Panel::Confirm
        | Panel::Prune
        | Panel::Limits => Err("a dialog is not filtered"),
        Panel::Images => Err("its own tests draw it"),
        Panel::TooSmall => Err("it says one thing"),
    }
}

pub fn setting(panel: Panel, case: Case) -> Setting {
    match case {
        Case::Full | Case::Narrow | Case::Least => opened(panel),
        Case::Empty => empty(panel),
        Case::Failed => failed(panel),
        Case::Filtered => filtered(panel),
        Case::Stale => opened(panel),
        Case::Foreign if panel == Panel::Builds => {
            then("7", |state| builds::several(state, ["店/注文:三", "段階"]))
        }
        Case::Foreign => opened(panel).inspect(|scene| foreign(&scene.engine)),
    }
}

pub fn failure(what: &str) -> Failure {
    Failure {
        message: format!("{what}: input/output error"),
        hint: Some("look at the disk with dmesg".into()),
    }
}

/// All containers are gone.
fn vanished(state: &mut State) {
    let mut world = World::clone(state.world.as_deref().unwrap());
    world.containers.clear();
    state.update(Message::World(Ok(Arc::new(world))));
}

/// One thing was done, one failed, one is under way.
fn operated(state: &mut State) {
    let (screen, filter) = (state.screen, state.done.filter.clone());
    for key in ["1", "g", "r", "j", "p", "j", "s"] {
        let effects = state.update(Message::Key(Key::parse(key).unwrap()));
        let result = match key {
            "p" => Err(failure("pause orders-api")),
            _ => Ok(()),
        };
        answered(state, effects, |_| result.clone());
    }
    state.modal = None;
    state.toasts.clear();
    state.screen = screen;
    state.done.filter = filter;
    state.update(Message::Tick);
}

fn operated_on_several(state: &mut State) {
    let effects = state.update(Message::Key(Key::char('r')));
    answered(state, effects, |n| match n {
        1 => Err(failure("restart orders-api")),
        _ => Ok(()),
    });
}

/// Ends what operations ask for.
fn answered(
    state: &mut State,
    effects: Vec<crate::app::Effect>,
    result: impl Fn(usize) -> Result<(), Failure>,
) {
    use crate::app::Effect;
    for effect in effects {
        let Effect::Operate {
            operation, targets, ..
        } = effect
        else {
            continue;
        };
        for (n, target) in targets.into_iter().enumerate() {
            state.update(Message::Operated(operation, target, result(n)));
        }
    }
}

/// Names and lines that are hard to measure.
fn foreign(engine: &Fake) {
    const NAMES: [&str; 7] = [
        "漢字コンテナ",
        "e\u{301}toile\u{308}",
        "👩\u{200d}💻-dev",
        "🇩🇪-flag",
        "❤\u{fe0f}-heart",
        "한국어",
        "ไทย-ที่",
    ];
    engine.change(|world| {
        for (n, row) in world.containers.iter_mut().enumerate() {
            let mut container = (*row.container).clone();
            container.name = format!("{}-{n}", NAMES[n % NAMES.len()]);
            container.argv = vec!["実行".into(), "--名前=👩\u{200d}💻".into()];
            container.config.image = format!("店/注文:{n}");
            row.container = Arc::new(container);
        }
        for (n, row) in world.networks.iter_mut().enumerate().skip(3) {
            let network = Arc::make_mut(&mut row.network);
            network.name = format!("{} {}", NAMES[n % NAMES.len()], network.name);
        }
        for (n, volume) in Arc::make_mut(&mut world.volumes).iter_mut().enumerate() {
            let label = (NAMES[n].to_owned(), NAMES[n + 1].to_owned());
            volume.labels.extend([label]);
        }
        for (n, row) in world.groups.iter_mut().enumerate().skip(1) {
            let mut group = (*row.group).clone();
            group.name = format!("{} {}", NAMES[n % NAMES.len()], group.name).into();
            row.group = Arc::new(group);
        }
    });
    let line = |n: usize| crate::model::LogLine {
        at: "2026-03-04T12:00:00Z".parse().unwrap(),
        stream: crate::model::Stream::Stdout,
        text: format!(
            "{} get {}",
            NAMES[n % NAMES.len()],
            "長い行 👩\u{200d}💻 ".repeat(n)
        )
        .into(),
        partial: false,
    };
    engine.set_log((0..12).map(line).collect());
}

/// Gives the first container a network and ports, one with nobody behind it.
fn publish(world: &mut World) {
    let container = Arc::make_mut(&mut world.containers[0].container);
    let published = |host, number| PublishedPort {
        ip: "0.0.0.0".parse().unwrap(),
        host,
        container: Port {
            number,
            transport: Transport::Tcp,
        },
    };
    container.connectivity.ports = vec![published(8080, 80), published(8443, 8443)];
    container.connectivity.endpoints = vec![Endpoint {
        container: container.id.clone(),
        network: NetworkId::from_bytes(&[7; 32]),
        network_name: "front".into(),
        interface: "eth0".into(),
        mac: "02:42:ac:12:00:02".parse().unwrap(),
        ip: Some(("172.18.0.2".parse().unwrap(), 16)),
        ip6: None,
        gateway: None,
        gateway6: None,
        names: vec!["gateway".into()],
    }];
}
