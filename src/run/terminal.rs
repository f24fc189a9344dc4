//! Progress for people: a bar on a terminal, plain lines elsewhere; always on standard error.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Progress;

/// Between two redraws of the bar: quick enough to look alive, slow enough to cost nothing.
const BAR_INTERVAL: Duration = Duration::from_millis(100);
/// Between two plain lines, which stay in logs.
const LINE_INTERVAL: Duration = Duration::from_secs(2);

/// Draws progress: step, rate, named losses, time left.
pub struct Terminal {
    output: Output,
    interval: Duration,
    stage: Option<Stage>,
}

enum Output {
    Quiet,
    Bar { bar: ProgressBar, colour: bool },
    Lines(Box<dyn Write + Send>),
}

/// The stage that is running.
struct Stage {
    name: String,
    total: u64,
    began: Instant,
    drawn: Option<Instant>,
    done: u64,
    rate: Rate,
    losses: Vec<(String, f64)>,
}

impl Terminal {
    /// A bar when standard error is a terminal that can redraw a line, else a plain line every two seconds. `quiet` shows nothing,
    /// messages included. A non-empty `NO_COLOR` in the environment turns colours off.
    pub fn new(quiet: bool) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if quiet {
            Self::on(Output::Quiet, LINE_INTERVAL)
        } else if std::io::stderr().is_terminal() && !dumb {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
            Self::on(Output::Bar { bar, colour: !set("NO_COLOR") }, BAR_INTERVAL)
        } else {
            Self::plain(std::io::stderr(), LINE_INTERVAL)
        }
    }

    /// Plain lines to `writer`, at least `interval` apart within a stage. Failed writes are ignored: a run does not die of a closed
    /// pipe.
    pub fn plain(writer: impl Write + Send + 'static, interval: Duration) -> Self {
        Self::on(Output::Lines(Box::new(writer)), interval)
    }

    fn on(output: Output, interval: Duration) -> Self {
        Terminal { output, interval, stage: None }
    }

    fn print(&mut self, text: &str) {
        match &mut self.output {
            Output::Quiet => {}
            Output::Bar { bar, .. } if !bar.is_finished() && !bar.is_hidden() => {
                bar.suspend(|| write_line(&mut std::io::stderr(), text));
            }
            Output::Bar { .. } => write_line(&mut std::io::stderr(), text),
            Output::Lines(writer) => write_line(writer, text),
        }
    }

    fn draw(&mut self) {
        let Some(stage) = &mut self.stage else { return };
        stage.drawn = Some(Instant::now());
        match &self.output {
            Output::Quiet => {}
            Output::Bar { bar, .. } => {
                bar.set_position(stage.done);
                bar.set_message(stage.facts());
            }
            Output::Lines(_) => {
                let line = stage.line();
                self.print(&line);
            }
        }
    }

    /// Closes the running stage with one line that stays.
    fn close(&mut self) {
        let Some(stage) = self.stage.take() else { return };
        if let Output::Bar { bar, .. } = &self.output {
            bar.finish_and_clear();
        }
        let text = stage.summary();
        self.print(&text);
    }
}

impl Progress for Terminal {
    fn stage(&mut self, name: &str, total: u64) {
        self.close();
        if let Output::Bar { bar, colour } = &mut self.output {
            *bar = new_bar(name, total, *colour);
        } else {
            let steps = if total > 0 { format!(": {total} steps") } else { String::new() };
            self.print(&format!("{name}{steps}"));
        }
        self.stage = Some(Stage::new(name, total));
    }

    fn step(&mut self, step: u64, losses: &[(&str, f64)]) {
        let interval = self.interval;
        let Some(stage) = &mut self.stage else { return };
        let now = Instant::now();
        stage.done = step;
        let last = stage.total > 0 && step >= stage.total;
        let due = now.duration_since(stage.drawn.unwrap_or(stage.began)) >= interval;
        if due || last {
            stage.rate.observe(now, step);
            stage.losses = losses.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        } else {
            stage.rate.begin(now, step);
        }
        // The last step is not drawn: the closing line says the same.
        if due && !last {
            self.draw();
        }
    }

    fn message(&mut self, text: &str) {
        self.print(text);
    }

    fn finish(&mut self) {
        self.close();
    }
}

impl Drop for Terminal {
    /// A stage that ended early (an error, an interruption) still leaves its line, and no bar stays on the screen.
    fn drop(&mut self) {
        self.close();
    }
}

impl Stage {
    fn new(name: &str, total: u64) -> Self {
        let began = Instant::now();
        Stage { name: name.to_owned(), total, began, drawn: None, done: 0, rate: Rate::default(), losses: Vec::new() }
    }

    /// `350 steps/s, 11 s left, pde 1.23e-3`: what stands behind the bar.
    fn facts(&self) -> String {
        let mut facts = Vec::new();
        if let Some(rate) = self.rate.per_second {
            facts.push(format!("{} steps/s", number(rate)));
        }
        if let (Some(rate), true) = (self.rate.per_second, self.total > self.done) {
            let left = (self.total - self.done) as f64 / rate;
            if left.is_finite() {
                facts.push(format!("{} left", duration(left)));
            }
        }
        // Last, because a narrow terminal cuts the end.
        facts.extend(self.losses.iter().map(|(name, value)| format!("{name} {}", number(*value))));
        facts.join(", ")
    }

    fn line(&self) -> String {
        let position = if self.total > 0 {
            let percent = 100.0 * self.done as f64 / self.total as f64;
            format!("{}/{} ({percent:.0}%)", self.done, self.total)
        } else {
            format!("step {}", self.done)
        };
        let facts = self.facts();
        format!("{}: {position}{}{facts}", self.name, if facts.is_empty() { "" } else { ", " })
    }

    fn summary(&self) -> String {
        let steps = match (self.done, self.total) {
            (0, _) => String::new(),
            (done, total) if total > 0 => format!("{done}/{total} steps in "),
            (done, _) => format!("{done} steps in "),
        };
        let losses: String = self.losses.iter().map(|(name, value)| format!(", {name} {}", number(*value))).collect();
        format!("{}: {steps}{}{losses}", self.name, duration(self.began.elapsed().as_secs_f64()))
    }
}

/// Steps per second, as an average that forgets: stages change their pace.
#[derive(Default)]
struct Rate {
    last: Option<(Instant, u64)>,
    per_second: Option<f64>,
}

impl Rate {
    /// Counts from the first step that is seen, so that the steps before a resume do not count as work of this run.
    fn begin(&mut self, now: Instant, step: u64) {
        self.last.get_or_insert((now, step));
    }

    fn observe(&mut self, now: Instant, step: u64) {
        let Some((then, before)) = self.last.replace((now, step)) else { return };
        let seconds = now.duration_since(then).as_secs_f64();
        if seconds > 0.0 && step > before {
            let latest = (step - before) as f64 / seconds;
            self.per_second = Some(self.per_second.map_or(latest, |mean| 0.7 * mean + 0.3 * latest));
        }
    }
}

fn new_bar(name: &str, total: u64, colour: bool) -> ProgressBar {
    let bar = ProgressBar::with_draw_target((total > 0).then_some(total), ProgressDrawTarget::stderr());
    let paint = if colour { ".cyan" } else { "" };
    let template = if total > 0 {
        format!("{{prefix}} {{bar:24{paint}}} {{pos}}/{{len}} {{wide_msg}}")
    } else {
        format!("{{prefix}} {{spinner{}{paint}}} {{pos}} {{wide_msg}}", if colour { ":" } else { "" })
    };
    // The templates are ours and parse; the default style is a fair bar should one of them ever not.
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.set_prefix(name.to_owned());
    bar.tick();
    bar
}

fn write_line(writer: &mut dyn Write, text: &str) {
    // One call for the whole line, so that lines of several threads do not mix.
    let _ = writer.write_all(format!("{text}\n").as_bytes()).and_then(|()| writer.flush());
}

/// A number to three significant digits.
fn number(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => {
            if value.is_nan() {
                "nan".to_owned()
            } else {
                value.to_string()
            }
        }
        0.0 => "0".to_owned(),
        a if !(1e-2..1e5).contains(&a) => format!("{value:.2e}"),
        a if a < 1.0 => format!("{value:.3}"),
        a if a < 10.0 => format!("{value:.2}"),
        a if a < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// `0.4 s`, `11 s`, `2 min 05 s`, `3 h 20 min`.
fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
    }
}
