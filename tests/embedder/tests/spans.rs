//! The embedder in a program with a subscriber of `tracing`.

use embedder::{sum, workflow};
use rulemake::Session;
use std::fs;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Notes spans and events as text.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

impl Notes {
    fn note(&self, line: String) -> u64 {
        let mut notes = self.0.lock().unwrap();
        notes.push(line);
        notes.len() as u64
    }
}

impl Subscriber for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "rulemake"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields(String::new());
        span.record(&mut fields);
        Id::from_u64(self.note(format!("span {}{}", span.metadata().name(), fields.0)))
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        self.note(format!("{}{}", event.metadata().level(), fields.0));
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn spans_tell_what_events_tell() {
    let notes = Notes::default();
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("texts")).unwrap();
    fs::write(root.path().join("texts/a.txt"), "one two").unwrap();
    tracing::subscriber::set_global_default(notes.clone()).unwrap();
    assert_eq!(sum(Session::builder(workflow(&["a"]).unwrap()).root(root.path())).unwrap(), 2);
    let notes = notes.0.lock().unwrap().join("\n");
    for part in [
        "span run number=1 jobs=2",
        "rule=count title=count counts/a.txt reason=never built attempt=1",
        "DEBUG message=output text=2 words",
        "INFO message=finished",
        "ran=2 failed=0",
    ] {
        assert!(notes.contains(part), "{part} is not in:\n{notes}");
    }
}
