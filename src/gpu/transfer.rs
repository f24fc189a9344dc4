//! Between host and device: writes, and reads that block or do not.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::Gpu;
use super::buffer::Buffer;
use super::fault::device_error;
use crate::error::{DeviceFault, Error, Result};

/// The most that one staging buffer holds: it bounds the extra memory of large transfers.
const STAGING: u64 = 64 << 20;

/// The answer of a mapping, and who waits for it.
#[derive(Default)]
struct Answer {
    result: Option<Result<(), wgpu::BufferAsyncError>>,
    waker: Option<Waker>,
}

type Pending = Arc<Mutex<Answer>>;

fn locked(pending: &Pending) -> std::sync::MutexGuard<'_, Answer> {
    pending.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A copy into a staging buffer that is under way.
struct Reading {
    staging: wgpu::Buffer,
    pending: Pending,
    submission: wgpu::SubmissionIndex,
}

/// Between two looks for an answer that another thread delivers.
const ANSWER_INTERVAL: Duration = Duration::from_micros(20);

impl Gpu {
    /// Writes `bytes` at `offset`, after the work submitted so far and before what follows.
    ///
    /// # Errors
    /// [`Error::Argument`] that names the buffer, where the range does not fit or is not made of whole words (a last word in
    /// part is allowed at the end of the buffer and filled with zeros); [`Error::Device`] where the device refuses.
    pub fn write(&self, buffer: &Buffer, offset: u64, bytes: &[u8]) -> Result<()> {
        let size = bytes.len() as u64;
        self.check_range(buffer, offset, size, wgpu::BufferUsages::COPY_DST)?;
        let to_end = offset + size == buffer.size() && (offset + size).next_multiple_of(4) <= buffer.capacity();
        if !offset.is_multiple_of(4) || !(size.is_multiple_of(4) || to_end) {
            let got = format!("{size} bytes at {offset}");
            return Err(Error::argument(format!("write to buffer `{}`", buffer.label()), "whole 4-byte words", got));
        }
        let (whole, rest) = bytes.split_at(bytes.len() & !3);
        self.scoped(buffer.label(), || {
            for (chunk, at) in whole.chunks(STAGING as usize).zip((offset..).step_by(STAGING as usize)) {
                self.0.queue.write_buffer(buffer.raw(), at, chunk);
                if chunk.len() as u64 == STAGING {
                    // Sends what is staged on its way, so that the next chunk does not add to it.
                    self.0.queue.submit([]);
                }
            }
            if !rest.is_empty() {
                let mut word = [0; 4];
                word[..rest.len()].copy_from_slice(rest);
                self.0.queue.write_buffer(buffer.raw(), offset + whole.len() as u64, &word);
            }
        })
    }

    /// Reads `bytes` bytes from `offset`, after all work submitted so far. Blocks.
    ///
    /// # Errors
    /// [`Error::Argument`] that names the buffer, where the range does not fit; [`Error::Device`] where the device is lost or
    /// does not answer in time.
    pub fn read(&self, buffer: &Buffer, offset: u64, bytes: u64) -> Result<Vec<u8>> {
        self.check_range(buffer, offset, bytes, wgpu::BufferUsages::COPY_SRC)?;
        self.read_raw(buffer.raw(), offset, bytes, buffer.label())
    }

    /// Reads without blocking. The future is ready once the device is polled after the work is done: a device that this crate
    /// opened is polled by a thread of its own meanwhile, a borrowed one by the host's loop.
    ///
    /// # Errors
    /// As [`Gpu::read`], without a deadline on a borrowed device.
    pub async fn read_async(&self, buffer: &Buffer, offset: u64, bytes: u64) -> Result<Vec<u8>> {
        self.check_range(buffer, offset, bytes, wgpu::BufferUsages::COPY_SRC)?;
        let mut result = Vec::new();
        for part in Parts::new(offset, bytes) {
            let reading = self.start(buffer.raw(), &part, buffer.label())?;
            if self.0.owned {
                self.poll_apart(&reading, buffer.label());
            }
            let mapped = poll_fn(|context| {
                let mut answer = locked(&reading.pending);
                match answer.result.take() {
                    Some(result) => Poll::Ready(result),
                    None => {
                        answer.waker = Some(context.waker().clone());
                        Poll::Pending
                    }
                }
            })
            .await;
            self.finish(&reading, mapped, &part, buffer.label(), &mut result)?;
        }
        Ok(result)
    }

    pub(super) fn read_raw(&self, buffer: &wgpu::Buffer, offset: u64, bytes: u64, label: &str) -> Result<Vec<u8>> {
        let mut result = Vec::new();
        for part in Parts::new(offset, bytes) {
            let reading = self.start(buffer, &part, label)?;
            self.poll(Some(reading.submission.clone()), label)?;
            let mapped = self.answer(&reading, label)?;
            self.finish(&reading, mapped, &part, label, &mut result)?;
        }
        Ok(result)
    }

    /// The answer to a mapping request whose submission is done. The thread that polled first runs the callback, which may be
    /// another one that has not come to it yet.
    fn answer(&self, reading: &Reading, label: &str) -> Result<Result<(), wgpu::BufferAsyncError>> {
        let deadline = Instant::now() + self.0.timeout;
        loop {
            if let Some(result) = locked(&reading.pending).result.take() {
                return Ok(result);
            }
            if Instant::now() > deadline {
                return Err(device_error(DeviceFault::Timeout, label, "the read-back was not answered in time"));
            }
            std::thread::sleep(ANSWER_INTERVAL);
        }
    }

    /// Copies a part into a staging buffer and asks for its mapping.
    fn start(&self, buffer: &wgpu::Buffer, part: &Part, label: &str) -> Result<Reading> {
        let pending = Pending::default();
        let for_callback = pending.clone();
        let (staging, submission) = self.scoped(label, || {
            let staging = self.0.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("fieldline staging"),
                size: part.words,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            let mut encoder = self.0.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            encoder.copy_buffer_to_buffer(buffer, part.start, &staging, 0, part.words);
            let submission = self.0.queue.submit([encoder.finish()]);
            staging.map_async(wgpu::MapMode::Read, .., move |result| {
                let mut answer = locked(&for_callback);
                answer.result = Some(result);
                if let Some(waker) = answer.waker.take() {
                    waker.wake();
                }
            });
            (staging, submission)
        })?;
        Ok(Reading { staging, pending, submission })
    }

    fn finish(
        &self,
        reading: &Reading,
        mapped: Result<(), wgpu::BufferAsyncError>,
        part: &Part,
        label: &str,
        result: &mut Vec<u8>,
    ) -> Result<()> {
        if mapped.is_err() {
            // The usual reason; it has the better message.
            self.check_alive(label)?;
            return Err(device_error(DeviceFault::Validation, label, "the staging buffer cannot be mapped"));
        }
        let view = reading.staging.get_mapped_range(..).map_err(|error| {
            device_error(DeviceFault::Validation, label, format!("the staging buffer cannot be read: {error}"))
        })?;
        result.extend_from_slice(&view[part.wanted.clone()]);
        drop(view);
        reading.staging.unmap();
        Ok(())
    }

    fn check_range(&self, buffer: &Buffer, offset: u64, bytes: u64, usage: wgpu::BufferUsages) -> Result<()> {
        let argument = || format!("buffer `{}`", buffer.label());
        if !buffer.belongs_to(self) {
            return Err(Error::argument(argument(), "a buffer of this device", "one of another"));
        }
        if !buffer.raw().usage().contains(usage) {
            return Err(Error::argument(argument(), format!("usage {usage:?}"), format!("{:?}", buffer.raw().usage())));
        }
        if offset.checked_add(bytes).is_none_or(|end| end > buffer.size()) {
            let expected = format!("a part of its {} bytes", buffer.size());
            return Err(Error::argument(argument(), expected, format!("{bytes} bytes from {offset}")));
        }
        Ok(())
    }

    /// Polls an owned device until the reading is done, so that its future need not.
    fn poll_apart(&self, reading: &Reading, label: &str) {
        let (gpu, submission, pending) = (self.clone(), reading.submission.clone(), reading.pending.clone());
        let label = label.to_string();
        std::thread::spawn(move || {
            if let Err(error) = gpu.poll(Some(submission), &label) {
                log::error!("{error}");
            }
            // Where the wait ended without an answer there will be none: let the future end too.
            let mut answer = locked(&pending);
            if let Some(waker) = answer.waker.take() {
                answer.result.get_or_insert(Err(wgpu::BufferAsyncError));
                waker.wake();
            }
        });
    }
}

/// A part of a read: whole words that hold the bytes asked for.
struct Part {
    start: u64,
    words: u64,
    /// The wanted bytes within them.
    wanted: std::ops::Range<usize>,
}

/// Cuts a range of bytes into parts of one staging buffer each.
struct Parts {
    at: u64,
    end: u64,
}

impl Parts {
    fn new(offset: u64, bytes: u64) -> Self {
        Parts { at: offset, end: offset + bytes }
    }
}

impl Iterator for Parts {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        if self.at >= self.end {
            return None;
        }
        let start = self.at & !3;
        let end = self.end.min(start + STAGING);
        let wanted = (self.at - start) as usize..(end - start) as usize;
        self.at = end;
        Some(Part { start, words: (end - start).next_multiple_of(4), wanted })
    }
}
