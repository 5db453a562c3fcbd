//! The configuration and alerts by keys and messages.

use super::*;
fn loaded(text: &str) -> crate::config::Loaded {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.toml");
    std::fs::write(&file, text).unwrap();
    let overrides = crate::config::Overrides {
        file: Some(file),
        ..Default::default()
    };
    let columns = crate::format::columns::CONTAINERS.iter().map(|c| c.id);
    let known = crate::config::Known::new(columns);
    crate::config::Loader::new(overrides, known, |_| None).load()
}

#[tokio::test(start_paused = true)]
async fn saved_configuration_holds_at_once_and_a_wrong_one_not_at_all() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.select("gateway").await;
    let right = "[ui]\ninterval = \"2s\"\nsort = \"-name\"\ncpu = \"quota\"\n\
                 columns = [\"cpu\", \"name\"]\ngroup = \"image\"\n\
                 [keys]\n\"container.stop\" = [\"X\"]\n[confirm]\n\"container.stop\" = \"always\"\n";
    bench.send(Message::Config(Arc::new(loaded(right)))).await;
    assert!(bench.own.contains(&Effect::Pace(Duration::from_secs(2))));
    assert!(bench.told().starts_with("read "));
    assert!(bench.state.containers.sort.is_descending);
    assert_eq!(bench.state.table.cpu, crate::format::cpu::CpuDisplay::Quota);
    assert_eq!(bench.state.table.layout.columns[0].column.id, "cpu");
    assert!(bench.state.table.groups.by.is_some());
    bench.press("s").await;
    assert!(bench.state.modal.is_none());
    bench.press("X").await;
    assert!(matches!(
        bench.state.modal,
        Some(Modal::Confirm {
            action: Action::Stop,
            ..
        })
    ));
    bench.press("n").await;
    let wrong = "[ui]\ninterval = 3\ntheme = \"dark\"\n";
    bench.send(Message::Config(Arc::new(loaded(wrong)))).await;
    assert_eq!(bench.state.config.ui.interval, Duration::from_secs(2));
    assert_eq!(bench.state.config.ui.theme, "terminal");
    let notice = bench.state.notices().next().unwrap().message.clone();
    assert!(notice.contains("config.toml:2: ui.interval: "), "{notice}");
    bench.send(Message::Config(Arc::new(loaded(right)))).await;
    assert_eq!(bench.state.notices().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn alert_rings_once_and_leads_to_its_container() {
    let mut bench = Bench::new(Fake::full()).await;
    let text = "[[alerts]]\nname = \"busy\"\nwhen = \"cpu > 0.01\"\nfor = \"3s\"\n\
                notify = [\"bell\", \"osc9\"]\ncontainers = \"gateway\"\n";
    bench.send(Message::Config(Arc::new(loaded(text)))).await;
    for _ in 0..10 {
        bench.tick().await;
    }
    let signals = bench.own.iter().filter_map(|effect| match effect {
        Effect::Signal { is_loud, lines } => Some((*is_loud, lines.clone())),
        _ => None,
    });
    let signals: Vec<_> = signals.collect();
    assert_eq!(signals.len(), 1, "{signals:?}");
    assert!(
        signals[0].0 && signals[0].1[0].starts_with("gateway: cpu "),
        "{signals:?}"
    );
    bench.press("G 5").await;
    assert_eq!(bench.state.screen, Screen::Alerts);
    while bench.state.selected_alert().unwrap().rule.name != "busy" {
        bench.press("j").await;
    }
    bench.press("enter").await;
    assert_eq!(
        (bench.state.screen, bench.selected().as_str()),
        (Screen::Containers, "gateway")
    );
    assert_eq!(bench.state.details.tab, Tab::Stats);
}

#[tokio::test(start_paused = true)]
async fn confirm_governs_the_question_before_a_signal() {
    for (said, signal, asks) in [
        ("never", "x", false),
        ("always", "x", true),
        ("always", "t", true),
    ] {
        let mut bench = Bench::new(Fake::full()).await;
        bench.select("gateway").await;
        let text = format!("[confirm]\n\"container.kill\" = \"{said}\"\n");
        bench.send(Message::Config(Arc::new(loaded(&text)))).await;
        bench.press("P tab j ctrl-s").await;
        bench.press(signal).await;
        let is_asked = matches!(bench.state.modal, Some(Modal::Ask(_)));
        assert_eq!(is_asked, asks, "{said} {signal}");
        if asks {
            bench.press("y").await;
        }
        assert_eq!(bench.engine.calls().len(), 1, "{said} {signal}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_alerts_command_said_is_kept() {
    use crate::config::alert::Channel;
    let mut bench = Bench::new(Fake::full()).await;
    for (result, said) in [
        (Ok(Some("paged the crew".into())), "paged the crew"),
        (Ok(None), "done, without a word"),
    ] {
        let message = Message::Notified("x".into(), Channel::Command, result);
        bench.send(message).await;
        assert_eq!(bench.state.said["x"].1, said);
    }
    let other = Message::Notified("x".into(), Channel::Webhook, Ok(None));
    bench.send(other).await;
    assert_eq!(bench.state.said.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn failure_of_telling_is_told_once_until_it_works_again() {
    use crate::config::alert::Channel;
    let mut bench = Bench::new(Fake::full()).await;
    let failed = || {
        let failure = Failure {
            message: "tell of alert x: no".into(),
            hint: None,
        };
        Message::Notified("x".into(), Channel::Command, Err(failure))
    };
    bench.send(failed()).await;
    assert_eq!(bench.state.toasts.len(), 1);
    bench.send(failed()).await;
    assert_eq!(bench.state.toasts.len(), 1);
    bench
        .send(Message::Notified("x".into(), Channel::Command, Ok(None)))
        .await;
    bench.send(failed()).await;
    assert_eq!(bench.state.toasts.len(), 2);
}
