//! Names: which derivative a name such as `u_xt` means, and which known name a misspelt one resembles.

/// Highest total order of a derivative in a residual.
pub const MOST_ORDERS: usize = 4;

/// A partial derivative of an unknown; all orders zero for the unknown itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partial {
    /// Index of the unknown.
    pub unknown: usize,
    /// Order of differentiation by each coordinate.
    pub orders: Vec<u8>,
}

impl Partial {
    /// Total order.
    pub fn order(&self) -> usize {
        self.orders.iter().map(|&o| o as usize).sum()
    }

    /// The name, coordinates separated by underscores where one has several letters: `u`, `u_xt`, `u_theta_theta`.
    pub fn name(&self, unknowns: &[String], coordinates: &[String]) -> String {
        let letters: Vec<&str> = self
            .orders
            .iter()
            .zip(coordinates)
            .flat_map(|(&order, name)| std::iter::repeat_n(name.as_str(), order as usize))
            .collect();
        let joint = if coordinates.iter().all(|c| c.chars().count() == 1) { "" } else { "_" };
        match letters.is_empty() {
            true => unknowns[self.unknown].clone(),
            false => format!("{}_{}", unknowns[self.unknown], letters.join(joint)),
        }
    }
}

/// What a name is, read as a derivative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// This derivative.
    Partial(Partial),
    /// The name does not begin with an unknown and an underscore.
    Foreign,
    /// It does, but what follows does not consist of coordinates.
    NoCoordinates,
    /// What follows can be read in two ways.
    Ambiguous,
    /// The total order is above [`MOST_ORDERS`].
    TooHigh(usize),
}

/// Reads a name as an unknown or one of its derivatives.
///
/// The rule: the unknown, an underscore, then names of coordinates, written together (`u_xx`, `u_xt`) or separated by
/// underscores (`u_x_x`, `u_r_theta`). A name that can be read in two ways (coordinates `a`, `b`, `ab`, `ba`: `u_aba`) is
/// ambiguous and must be written with underscores.
pub fn partial(name: &str, unknowns: &[String], coordinates: &[String]) -> Reading {
    let zero = || vec![0u8; coordinates.len()];
    if let Some(unknown) = unknowns.iter().position(|u| u == name) {
        return Reading::Partial(Partial { unknown, orders: zero() });
    }
    let found = unknowns.iter().enumerate().find_map(|(i, u)| {
        Some((i, name.strip_prefix(u.as_str())?.strip_prefix('_').filter(|rest| !rest.is_empty())?))
    });
    let Some((unknown, rest)) = found else { return Reading::Foreign };
    let mut readings = vec![zero()];
    for part in rest.split('_') {
        let mut ways = Vec::new();
        splits(part, coordinates, &mut zero(), &mut ways);
        readings = readings
            .iter()
            .flat_map(|a| ways.iter().map(move |b| a.iter().zip(b).map(|(x, y)| x.saturating_add(*y)).collect()))
            .collect();
        readings.sort();
        readings.dedup();
        // More than a handful of ways is ambiguous already; the cap keeps absurd names from growing the list.
        readings.truncate(8);
    }
    match readings.as_slice() {
        [] => Reading::NoCoordinates,
        [orders] => {
            let partial = Partial { unknown, orders: orders.clone() };
            if partial.order() > MOST_ORDERS { Reading::TooHigh(partial.order()) } else { Reading::Partial(partial) }
        }
        _ => Reading::Ambiguous,
    }
}

/// All ways to read `text` as coordinates written together, as orders; stops after a few.
fn splits(text: &str, coordinates: &[String], orders: &mut Vec<u8>, ways: &mut Vec<Vec<u8>>) {
    if ways.len() >= 8 || orders.contains(&u8::MAX) {
        return;
    }
    if text.is_empty() {
        if !ways.contains(orders) {
            ways.push(orders.clone());
        }
        return;
    }
    for (k, name) in coordinates.iter().enumerate() {
        if let Some(rest) = text.strip_prefix(name.as_str()) {
            orders[k] += 1;
            splits(rest, coordinates, orders, ways);
            orders[k] -= 1;
        }
    }
}

/// Whether `name` can be written as other names of `coordinates` put together, which would make derivatives ambiguous.
pub(super) fn composed(name: &str, coordinates: &[String]) -> bool {
    let others: Vec<String> = coordinates.iter().filter(|c| *c != name).cloned().collect();
    let mut ways = Vec::new();
    splits(name, &others, &mut vec![0; others.len()], &mut ways);
    !ways.is_empty()
}

/// The known name nearest to `name`, if it is near enough to be a slip: at most a third of its letters (at least one) differ.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let most = (name.chars().count() / 3).max(1);
    known.iter().map(|k| (distance(name, k), *k)).min().filter(|(d, _)| *d <= most).map(|(_, k)| k)
}

/// Edit distance with exchanges of neighbours counted as one (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(rows[i - 2][j - 2] + 1);
            }
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
