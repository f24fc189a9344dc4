//! Recording and running calls: one pass with many dispatches, one submission.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Gpu;
use super::buffer::Buffer;
use super::call::{Call, Params};
use super::fault::device_error;
use super::quirks;
use crate::error::{Error, Result};

/// Submissions that [`Gpu::replay`] keeps under way: enough for the device never to wait, few enough to bound the memory.
const SUBMISSIONS_AHEAD: usize = 3;
/// Dispatches of one submission where [`Gpu::replay`] chooses.
const DISPATCHES_PER_SUBMISSION: usize = 512;
/// Passes with two timestamps each that fit one query set (WebGPU allows 4,096 queries).
const TIMED_PASSES: usize = 2048;

/// What is set in a pass already.
#[derive(Default)]
struct Current<'a>(Option<&'a Call>);

impl<'a> Current<'a> {
    /// Adds one dispatch, setting only what differs from the one before.
    fn record(&mut self, pass: &mut wgpu::ComputePass<'_>, call: &'a Call) {
        let last = self.0.replace(call);
        let new = &*call.0;
        let old = last.map(|last| &*last.0);
        let same_kernel = old.is_some_and(|old| Arc::ptr_eq(&old.kernel.0, &new.kernel.0));
        if !same_kernel {
            pass.set_pipeline(&new.kernel.0.pipeline);
        }
        if !same_kernel || !old.is_some_and(|old| Arc::ptr_eq(&old.bound, &new.bound)) {
            pass.set_bind_group(0, &new.bound.group, &[]);
        }
        match (&new.params, old.filter(|_| same_kernel).map(|old| &old.params)) {
            (Params::None, _) => {}
            // Comparing the words is cheaper than copying them into the command list.
            (Params::Immediate(bytes), Some(Params::Immediate(set))) if bytes == set => {}
            (Params::Immediate(bytes), _) => pass.set_immediates(0, bytes),
            (Params::Uniform(slot), Some(Params::Uniform(set))) if std::ptr::eq(slot, set) => {}
            (Params::Uniform(slot), _) => pass.set_bind_group(1, slot.group(), &[]),
        }
        let [x, y, z] = new.groups;
        pass.dispatch_workgroups(x, y, z);
    }
}

fn begin<'e>(encoder: &'e mut wgpu::CommandEncoder) -> wgpu::ComputePass<'e> {
    encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default())
}

impl Gpu {
    fn encoder(&self) -> wgpu::CommandEncoder {
        self.0.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
    }

    /// Runs the calls in order, as one pass and one submission, without waiting for the end.
    ///
    /// # Errors
    /// [`Error::Device`] that names the kernel whose dispatch the device refuses.
    pub fn run(&self, calls: &[Call]) -> Result<()> {
        self.replay_part(calls, 1).map(|_| ())
    }

    /// Records the calls into an encoder of a host application, as one pass. Errors of the device come when the host finishes
    /// the encoder.
    pub fn encode(&self, encoder: &mut wgpu::CommandEncoder, calls: &[Call]) {
        let mut pass = begin(encoder);
        let mut current = Current::default();
        for call in calls {
            current.record(&mut pass, call);
        }
    }

    /// Runs the list of calls `times` times, `steps_per_submit` of them a submission (0 for about 512 dispatches each). Waits
    /// only so far that the memory for what is under way stays bounded.
    ///
    /// # Errors
    /// As [`Gpu::run`], and [`Error::Device`] where the device is lost or does not answer in time.
    pub fn replay(&self, calls: &[Call], times: u32, steps_per_submit: u32) -> Result<()> {
        if calls.is_empty() || times == 0 {
            return Ok(());
        }
        let chosen = u32::try_from(DISPATCHES_PER_SUBMISSION / calls.len()).unwrap_or(u32::MAX).max(1);
        let steps = if steps_per_submit == 0 { chosen } else { steps_per_submit };
        let mut ahead = VecDeque::with_capacity(SUBMISSIONS_AHEAD + 1);
        let mut left = times;
        while left > 0 {
            let now = left.min(steps);
            ahead.push_back(self.replay_part(calls, now)?);
            left -= now;
            if ahead.len() > SUBMISSIONS_AHEAD {
                self.poll(ahead.pop_front(), calls[0].label())?;
                self.check_alive(calls[0].label())?;
            }
        }
        Ok(())
    }

    /// One submission of `times` rounds.
    fn replay_part(&self, calls: &[Call], times: u32) -> Result<wgpu::SubmissionIndex> {
        let first = calls.first().map_or("(nothing)", |call| call.label());
        let submitted = self.scoped(first, || {
            let mut encoder = self.encoder();
            let mut pass = begin(&mut encoder);
            let mut current = Current::default();
            for _ in 0..times {
                for call in calls {
                    current.record(&mut pass, call);
                }
            }
            drop(pass);
            self.0.queue.submit([encoder.finish()])
        });
        submitted.map_err(|error| self.blame(calls, error))
    }

    /// Names the kernel that an error of a whole pass belongs to. Each call is recorded alone, without being submitted; what only
    /// a submission shows is the state of a buffer, which wgpu names.
    fn blame(&self, calls: &[Call], error: Error) -> Error {
        for call in calls {
            let alone = self.scoped(call.label(), || {
                let mut encoder = self.encoder();
                self.encode(&mut encoder, std::slice::from_ref(call));
                encoder.finish()
            });
            if let Err(error) = alone {
                return error;
            }
        }
        let Error::Device { fault, message, .. } = &error else { return error };
        for call in calls {
            let named = |buffer: &&Buffer| {
                !buffer.raw_name().is_empty() && message.contains(&format!("'{}'", buffer.raw_name()))
            };
            if let Some(buffer) = call.0.bound.buffers.iter().find(named) {
                return device_error(*fault, call.label(), format!("buffer `{}`: {message}", buffer.label()));
            }
        }
        error
    }

    /// Seconds that each call takes on the device, measured at the borders of one pass a call; `None` where the adapter has no
    /// timestamps or they are known to be unsound. Waits for the end.
    ///
    /// # Errors
    /// As [`Gpu::run`] and [`Gpu::read`].
    pub fn time(&self, calls: &[Call]) -> Result<Option<Vec<f64>>> {
        let has = self.0.features.contains(wgpu::Features::TIMESTAMP_QUERY);
        if !has || self.facts().has_quirk(quirks::TIMESTAMPS_UNSOUND) {
            return Ok(None);
        }
        let mut seconds = Vec::with_capacity(calls.len());
        for calls in calls.chunks(TIMED_PASSES) {
            seconds.extend(self.time_part(calls)?);
        }
        Ok(Some(seconds))
    }

    fn time_part(&self, calls: &[Call]) -> Result<Vec<f64>> {
        let Some(first) = calls.first() else { return Ok(Vec::new()) };
        let count = 2 * calls.len() as u32;
        let bytes = u64::from(count) * 8;
        let result = self.scoped(first.label(), || {
            let queries = self.0.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("fieldline timestamps"),
                ty: wgpu::QueryType::Timestamp,
                count,
            });
            let resolved = self.0.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("fieldline timestamps"),
                size: bytes,
                usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            });
            let mut encoder = self.encoder();
            for (at, call) in (0u32..).zip(calls) {
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                    label: Some(call.label()),
                    timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                        query_set: &queries,
                        beginning_of_pass_write_index: Some(2 * at),
                        end_of_pass_write_index: Some(2 * at + 1),
                    }),
                });
                Current::default().record(&mut pass, call);
            }
            encoder.resolve_query_set(&queries, 0..count, &resolved, 0);
            self.0.queue.submit([encoder.finish()]);
            resolved
        });
        let resolved = result.map_err(|error| self.blame(calls, error))?;
        let bytes = self.read_raw(&resolved, 0, bytes, "timestamps")?;
        let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&bytes);
        let period = f64::from(self.0.queue.get_timestamp_period()) * 1e-9;
        // A counter that runs backwards between the two is a driver's fault; it must not become a huge number.
        Ok(ticks.chunks_exact(2).map(|pair| pair[1].saturating_sub(pair[0]) as f64 * period).collect())
    }
}
