//! Problems that come with the crate, as the same TOML files that a user would write.

/// Name and text of every built-in problem.
const PROBLEMS: [(&str, &str); 4] = [
    ("poisson-1d", include_str!("poisson-1d.toml")),
    ("poisson-2d", include_str!("poisson-2d.toml")),
    ("heat", include_str!("heat.toml")),
    ("burgers", include_str!("burgers.toml")),
];

/// Names of all built-in problems.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROBLEMS.iter().map(|(name, _)| *name)
}

/// The TOML text of a built-in problem.
pub fn text(name: &str) -> Option<&'static str> {
    PROBLEMS.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}
