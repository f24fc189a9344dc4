//! The functions of `shaders/lib/math` and `shaders/lib/random`, on an adapter, against references in f64.
//!
//! The adapter is the first one of the default backends; `FIELDLINE_ADAPTER` picks another by a part of its name,
//! `WGPU_BACKEND` another backend. Run with `--nocapture` to see the measured errors beside those of the builtins, and
//! with `--ignored timing` for nanoseconds per value.
//!
//! Why references in f64 suffice: libm's f64 functions are within about one ULP of f64 (2^-53 relative, sine and cosine with a
//! full reduction of the argument), an ULP of f32 is at least 2^-24 relative: the reference is off by at most 2^-29 ULP of f32.

#[path = "math/elementary.rs"]
mod elementary;
#[path = "math/harness.rs"]
mod harness;
#[path = "math/integer.rs"]
mod integer;
#[path = "math/power.rs"]
mod power;
#[path = "math/random.rs"]
mod random;
#[path = "math/timing.rs"]
mod timing;
#[path = "math/ulp.rs"]
mod ulp;
