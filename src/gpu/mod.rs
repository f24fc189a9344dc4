//! The device layer: adapters, buffers, WGSL composition, pipelines, recording, timing, read-back.
