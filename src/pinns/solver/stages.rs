//! A training run: the stages of a problem one after the other, each on the device, with fresh points where they are asked for.

use super::least_squares::Collocation;
use super::memory::check_memory;
use super::model::Model;
use super::points::Points;
use super::residuals::{losses, network};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::nn::Mlp;
use crate::optim::{Adam, LevenbergMarquardt, Schedule, State, Stop};
use crate::pinns::problem::{Problem, Stage};
use crate::run::{Progress, interrupted};
use crate::tape::Tape;
use crate::tape::program::Program;
use crate::tensor::{Array, DType};
use std::time::Instant;

/// Adam steps between two looks at the losses.
const REPORT: u32 = 50;
/// Steps of a replay that go to the device in one submission.
const STEPS_PER_SUBMIT: u32 = 10;

/// One line of the history.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Row {
    /// Name of the stage: `adam` or `lm`, with its number when there are several.
    pub stage: String,
    /// Steps done in all stages together.
    pub step: u64,
    /// The loss: the sum over blocks of weight times mean square residual.
    pub loss: f64,
    /// Wall seconds since the run began.
    pub seconds: f64,
}

/// What a run gives.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The solution.
    pub model: Model,
    /// One row a report.
    pub history: Vec<Row>,
    /// Why the last stage ended.
    pub stop: String,
    /// Wall seconds, compilation included.
    pub seconds: f64,
    /// Dispatches of one step of each stage, for reports.
    pub dispatches: Vec<(String, usize)>,
}

/// Trains the network of one problem.
pub struct Solver<'a> {
    gpu: &'a Gpu,
    problem: &'a Problem,
    mlp: Mlp,
    points: Points,
    theta: Vec<f32>,
    history: Vec<Row>,
    dispatches: Vec<(String, usize)>,
    begin: Instant,
    done: u64,
}

/// Called after every report with the row and the current parameters; an error ends the run.
pub type Observer<'a> = &'a mut dyn FnMut(&Row, &[f32]) -> Result<()>;

impl<'a> Solver<'a> {
    /// Prepares a run.
    ///
    /// # Errors
    /// A problem that makes no network or no points, or that needs more memory than there is ([`check_memory`]).
    pub fn new(gpu: &'a Gpu, problem: &'a Problem) -> Result<Self> {
        check_memory(gpu, problem)?;
        let mlp = network(problem)?;
        let points = Points::new(gpu, problem, &mlp)?;
        let theta = mlp.initial(problem.network.seed);
        let (history, dispatches) = (Vec::new(), Vec::new());
        Ok(Solver { gpu, problem, mlp, points, theta, history, dispatches, begin: Instant::now(), done: 0 })
    }

    /// Number of trainable parameters.
    pub fn parameters(&self) -> usize {
        self.mlp.packing().total()
    }

    /// Runs all stages.
    ///
    /// # Errors
    /// A loss that is not finite; what the device or the observer reports.
    pub fn run(mut self, progress: &mut dyn Progress, observe: Observer<'_>) -> Result<Trained> {
        self.begin = Instant::now();
        let mut stop = "no stage was asked for".to_string();
        let several = self.problem.stages.len() > 1;
        for (number, stage) in self.problem.stages.iter().enumerate() {
            let suffix = if several { format!(" {}", number + 1) } else { String::new() };
            stop = match stage {
                Stage::Adam { .. } => self.adam(&format!("adam{suffix}"), stage, progress, observe)?,
                Stage::Lm { .. } => self.levenberg_marquardt(&format!("lm{suffix}"), stage, progress, observe)?,
            };
            if interrupted() {
                break;
            }
        }
        progress.finish();
        Ok(Trained {
            model: Model::new(self.problem.clone(), self.theta)?,
            history: self.history,
            stop,
            seconds: self.begin.elapsed().as_secs_f64(),
            dispatches: self.dispatches,
        })
    }

    fn report(
        &mut self,
        stage: &str,
        local: u64,
        loss: f64,
        progress: &mut dyn Progress,
        observe: Observer<'_>,
    ) -> Result<()> {
        let row =
            Row { stage: stage.into(), step: self.done + local, loss, seconds: self.begin.elapsed().as_secs_f64() };
        progress.step(local, &[("loss", loss)]);
        observe(&row, &self.theta)?;
        self.history.push(row);
        Ok(())
    }

    /// Steps until the next draw of points, given those already made.
    fn until_resampling(&self, local: u32, most: u32) -> u32 {
        match self.problem.sampling.resample as u32 {
            0 => most,
            every => most.min(every - local % every),
        }
    }

    fn redraw_if_due(&mut self, local: u32, steps: u32) -> Result<bool> {
        let every = self.problem.sampling.resample as u32;
        let due = every > 0 && local > 0 && local < steps && local.is_multiple_of(every);
        if due {
            self.points.redraw(self.problem, &self.theta)?;
        }
        Ok(due)
    }

    fn levenberg_marquardt(
        &mut self,
        name: &str,
        stage: &Stage,
        progress: &mut dyn Progress,
        observe: Observer<'_>,
    ) -> Result<String> {
        let &Stage::Lm { steps, damping, trials, tolerance, acceleration } = stage else {
            return Err(Error::argument("stage", "lm", name));
        };
        let steps = count("stage steps", steps)?;
        progress.stage(name, u64::from(steps));
        let dimension = self.problem.domain.dimension();
        let mut collocation = Collocation::new(self.gpu, &self.mlp, self.points.sets(), dimension, trials)?;
        let (linear, trial) = collocation.dispatches();
        self.dispatches.push((name.into(), linear + trial));
        collocation.set_points(self.points.arrays())?;
        let driver = LevenbergMarquardt { damping, acceleration, ..LevenbergMarquardt::default() };
        let mut state = State::new(self.theta.clone(), driver.damping);
        let mut stop = Stop::Steps;
        while state.step < steps {
            let batch = self.until_resampling(state.step, steps - state.step);
            stop = driver.run(&mut collocation, &mut state, batch, &mut |state| {
                self.theta.clone_from(&state.theta);
                // The driver's cost is half the loss.
                self.report(name, u64::from(state.step), 2.0 * state.cost, progress, observe)?;
                Ok(!interrupted() && 2.0 * state.cost > tolerance)
            })?;
            self.theta.clone_from(&state.theta);
            if matches!(stop, Stop::Observer | Stop::Gradient) {
                break;
            }
            // Fresh points are another problem, on which a step may succeed again.
            if !self.redraw_if_due(state.step, steps)? && stop == Stop::NoDescent {
                break;
            }
            collocation.set_points(self.points.arrays())?;
        }
        self.done += u64::from(state.step);
        Ok(stop.to_string())
    }

    fn adam(
        &mut self,
        name: &str,
        stage: &Stage,
        progress: &mut dyn Progress,
        observe: Observer<'_>,
    ) -> Result<String> {
        let &Stage::Adam { steps, learning_rate, decay, decay_every } = stage else {
            return Err(Error::argument("stage", "adam", name));
        };
        let steps = count("stage steps", steps)?;
        progress.stage(name, u64::from(steps));
        let schedule = Schedule::Exponential {
            rate: learning_rate,
            warmup: 0,
            factor: decay,
            every: count("stage decay_every", decay_every)?,
        };
        let program = self.adam_program(&Adam::new(schedule))?;
        self.dispatches.push((name.into(), program.size().dispatches));
        program.write("theta", &Array::f32([self.theta.len()], self.theta.clone())?)?;
        self.points.arrays().iter().try_for_each(|(name, array)| program.write(name, array))?;
        let mut local = 0;
        while local < steps && !interrupted() {
            let batch = self.until_resampling(local, REPORT.min(steps - local));
            program.replay(batch, STEPS_PER_SUBMIT)?;
            local += batch;
            let loss = program.read("loss")?.to_f64()[0];
            self.theta = program.read_input("theta")?.as_f32("theta")?.to_vec();
            self.report(name, u64::from(local), loss, progress, observe)?;
            if self.redraw_if_due(local, steps)? {
                self.points.arrays().iter().try_for_each(|(name, array)| program.write(name, array))?;
            }
        }
        self.done += u64::from(local);
        Ok(if local < steps { Stop::Observer.to_string() } else { Stop::Steps.to_string() })
    }

    /// One Adam step as a program: parameters, moments and the step count are states.
    fn adam_program(&self, adam: &Adam) -> Result<Program> {
        let parameters = self.parameters();
        let tape = Tape::record(|r| {
            let theta = r.input("theta", [parameters], DType::F32);
            let first = r.input("first", [parameters], DType::F32);
            let second = r.input("second", [parameters], DType::F32);
            let step = r.input("step", [], DType::U32);
            let dimension = self.problem.domain.dimension();
            let (loss, _) = losses(r, &theta, self.points.sets(), dimension)?;
            let gradient = r.gradient(&loss, &[&theta]).remove(0);
            let next = adam.update(&theta, &gradient, &first, &second, &step);
            r.output("loss", &loss);
            r.output("theta'", &next.theta);
            r.output("first'", &next.first);
            r.output("second'", &next.second);
            r.output("step'", &next.step);
            Ok(())
        })?;
        let states = [("theta", "theta'"), ("first", "first'"), ("second", "second'"), ("step", "step'")];
        Program::compile(self.gpu, &tape, &states)
    }
}

fn count(what: &str, value: usize) -> Result<u32> {
    u32::try_from(value).map_err(|_| Error::argument(what, "fewer than 2^32", value))
}
