//! How a loop tells what it is doing.

/// What a loop reports to. A loop calls [`step`](Progress::step) as often as it likes: whoever implements this limits its own rate.
pub trait Progress {
    /// A stage begins (`adam`, `l-bfgs`, `evaluate`); `total` is its number of steps, 0 when that is unknown. It ends the stage
    /// before it.
    fn stage(&mut self, name: &str, total: u64);

    /// `step` steps of the stage are done; `losses` are named values after that step, possibly not finite.
    fn step(&mut self, step: u64, losses: &[(&str, f64)]);

    /// One line for the reader, shown at once.
    fn message(&mut self, text: &str);

    /// The last stage is over.
    fn finish(&mut self);
}

/// Reports nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn stage(&mut self, _name: &str, _total: u64) {}
    fn step(&mut self, _step: u64, _losses: &[(&str, f64)]) {}
    fn message(&mut self, _text: &str) {}
    fn finish(&mut self) {}
}

/// One call of a [`Progress`].
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// [`Progress::stage`].
    Stage {
        /// Name of the stage.
        name: String,
        /// Its number of steps, 0 when unknown.
        total: u64,
    },
    /// [`Progress::step`].
    Step {
        /// Steps done.
        step: u64,
        /// Named values.
        losses: Vec<(String, f64)>,
    },
    /// [`Progress::message`].
    Message(String),
    /// [`Progress::finish`].
    Finish,
}

/// Keeps every call, for tests and for callers that look at a run afterwards.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// The calls, in order.
    pub events: Vec<Event>,
}

impl Progress for Recorded {
    fn stage(&mut self, name: &str, total: u64) {
        self.events.push(Event::Stage { name: name.to_owned(), total });
    }

    fn step(&mut self, step: u64, losses: &[(&str, f64)]) {
        let losses = losses.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        self.events.push(Event::Step { step, losses });
    }

    fn message(&mut self, text: &str) {
        self.events.push(Event::Message(text.to_owned()));
    }

    fn finish(&mut self) {
        self.events.push(Event::Finish);
    }
}
