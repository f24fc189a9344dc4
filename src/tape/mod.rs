//! Recorded programs: record, differentiate, interpret in f64 on the host, optimise, plan, compile, replay.
