//! Which derivatives a jet carries, and the combinatorics of their product and chain rules.

use super::MAX_ORDER;
use crate::error::{Error, Result};
use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};

/// One stream that holds `sum_r c_r D^order` along the directions r (a Laplacian: order 2, weights 1).
#[derive(Clone, Debug, PartialEq)]
pub struct Collapsed {
    /// (direction, weight).
    pub terms: Vec<(usize, f64)>,
    /// 2 or 4.
    pub order: u8,
}

impl Eq for Collapsed {}

impl Hash for Collapsed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.order.hash(state);
        for (direction, weight) in &self.terms {
            direction.hash(state);
            // 0 and -0 are equal, so they must hash alike.
            (weight + 0.0).to_bits().hash(state);
        }
    }
}

/// The streams of a jet: plain partial derivatives `z_alpha` (no factor 1/alpha!) along some directions, and weighted sums
/// of pure derivatives. Streams are numbered: first `indices`, then `collapsed`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Streams {
    /// Number of directions.
    pub directions: usize,
    /// Multi-indices over the directions: the first is zero (the value), each of total order at most 4, and with each
    /// index all smaller ones.
    pub indices: Vec<Vec<u8>>,
    /// Sums; the pure derivatives of lower order along their directions must be among `indices`.
    pub collapsed: Vec<Collapsed>,
}

impl Streams {
    /// The value alone.
    pub fn value() -> Streams {
        Streams { directions: 0, indices: vec![vec![]], collapsed: vec![] }
    }

    /// One direction with the derivatives 0, 1, .., `order`.
    pub fn taylor(order: u8) -> Streams {
        Streams { directions: 1, indices: (0..=order).map(|n| vec![n]).collect(), collapsed: vec![] }
    }

    /// The value, the `dims` first derivatives and one stream with the sum of the second ones.
    pub fn laplacian(dims: usize) -> Streams {
        let mut indices = vec![vec![0; dims]];
        indices.extend((0..dims).map(|r| {
            let mut index = vec![0; dims];
            index[r] = 1;
            index
        }));
        let sum = Collapsed { terms: (0..dims).map(|r| (r, 1.0)).collect(), order: 2 };
        Streams { directions: dims, indices, collapsed: vec![sum] }
    }

    /// The smallest set that holds the `wanted` partial derivatives and `collapsed` sums and all that they need; ordered by
    /// total order, then with earlier directions first. Errors as for [`validate`](Streams::validate).
    pub fn closure(directions: usize, wanted: &[Vec<u8>], collapsed: Vec<Collapsed>) -> Result<Streams> {
        let mut streams = Streams { directions, indices: wanted.to_vec(), collapsed };
        for sum in &streams.collapsed {
            streams.check_sum(sum)?;
            for &(r, _) in &sum.terms {
                let mut index = vec![0; directions];
                index[r] = sum.order - 1;
                streams.indices.push(index);
            }
        }
        let mut closed: BTreeMap<(usize, Vec<std::cmp::Reverse<u8>>), Vec<u8>> = BTreeMap::new();
        let mut open = std::mem::take(&mut streams.indices);
        open.push(vec![0; directions]);
        while let Some(index) = open.pop() {
            streams.check_index(&index)?;
            let key = (total(&index), index.iter().map(|&n| std::cmp::Reverse(n)).collect());
            open.extend(below(&index).filter(|_| !closed.contains_key(&key)));
            closed.insert(key, index);
        }
        streams.indices = closed.into_values().collect();
        streams.validate()?;
        Ok(streams)
    }

    /// Number of streams.
    pub fn len(&self) -> usize {
        self.indices.len() + self.collapsed.len()
    }

    /// Whether there is no stream; valid streams have at least the value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Highest order of a derivative that some stream holds.
    pub fn order(&self) -> usize {
        let sums = self.collapsed.iter().map(|c| usize::from(c.order));
        self.indices.iter().map(|index| total(index)).chain(sums).max().unwrap_or(0)
    }

    /// Number of the stream that holds this partial derivative.
    pub fn index_of(&self, index: &[u8]) -> Option<usize> {
        self.indices.iter().position(|i| i == index)
    }

    /// Number of the stream that holds the `order`-th derivative along one direction.
    pub fn pure(&self, direction: usize, order: u8) -> Option<usize> {
        let fits =
            |index: &Vec<u8>| index.iter().enumerate().all(|(d, &n)| n == if d == direction { order } else { 0 });
        self.indices.iter().position(fits)
    }

    fn check_index(&self, index: &[u8]) -> Result<()> {
        if index.len() != self.directions {
            let expected = format!("one entry for each of the {} directions", self.directions);
            return Err(Error::argument("streams: multi-index", expected, format!("{index:?}")));
        }
        if total(index) > MAX_ORDER {
            let expected = format!("total order at most {MAX_ORDER}");
            return Err(Error::argument(
                "streams: multi-index",
                expected,
                format!("{index:?}, order {}", total(index)),
            ));
        }
        Ok(())
    }

    fn check_sum(&self, sum: &Collapsed) -> Result<()> {
        if sum.order != 2 && sum.order != 4 {
            return Err(Error::argument("streams: order of a collapsed sum", "2 or 4", sum.order));
        }
        for &(direction, weight) in &sum.terms {
            if direction >= self.directions {
                let expected = format!("a direction below {}", self.directions);
                return Err(Error::argument("streams: term of a collapsed sum", expected, direction));
            }
            if !weight.is_finite() {
                return Err(Error::argument("streams: weight of a collapsed sum", "a finite number", weight));
            }
        }
        Ok(())
    }

    /// Checks all that the fields promise. Error: names the index or the sum and what it lacks.
    pub fn validate(&self) -> Result<()> {
        if self.indices.first().is_none_or(|first| total(first) != 0) {
            let got = format!("{:?}", self.indices.first());
            return Err(Error::argument("streams: first multi-index", "the zero index (the value)", got));
        }
        let mut places = HashMap::new();
        for (s, index) in self.indices.iter().enumerate() {
            self.check_index(index)?;
            if places.insert(index.as_slice(), s).is_some() {
                return Err(Error::argument("streams: multi-indices", "each index once", format!("{index:?} twice")));
            }
        }
        for index in &self.indices {
            if let Some(lower) = below(index).find(|lower| !places.contains_key(lower.as_slice())) {
                let expected = format!("with {index:?} all smaller ones (Streams::closure adds them)");
                return Err(Error::argument("streams: multi-indices", expected, format!("no {lower:?}")));
            }
        }
        for sum in &self.collapsed {
            self.check_sum(sum)?;
            for &(r, _) in &sum.terms {
                if let Some(n) = (1..sum.order).find(|&n| self.pure(r, n).is_none()) {
                    let expected = format!("for a sum of order {} the lower orders of each direction", sum.order);
                    let got = format!("no derivative of order {n} along direction {r}");
                    return Err(Error::argument("streams: multi-indices", expected, got));
                }
            }
        }
        Ok(())
    }
}

fn total(index: &[u8]) -> usize {
    index.iter().map(|&n| usize::from(n)).sum()
}

/// The indices that are smaller by one in one direction.
fn below(index: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    index.iter().enumerate().filter(|(_, n)| **n > 0).map(|(r, _)| {
        let mut lower = index.to_vec();
        lower[r] -= 1;
        lower
    })
}

/// One term of the chain rule: `weight * s_blocks.len() * product of z_b over the blocks`.
#[derive(Clone, Debug)]
pub(super) struct ChainTerm {
    pub weight: f64,
    /// Streams of the blocks of a set partition, ascending.
    pub blocks: Vec<usize>,
}

/// One term of the product rule: `weight * f_left * g_right`.
#[derive(Clone, Debug)]
pub(super) struct ProductTerm {
    pub weight: f64,
    pub left: usize,
    pub right: usize,
}

/// The rules of every stream of a set, made once per jet.
pub(super) struct Rules {
    /// For each stream the terms of Faa di Bruno's formula; empty for the value.
    pub chain: Vec<Vec<ChainTerm>>,
    /// For each stream the terms of Leibniz' formula.
    pub product: Vec<Vec<ProductTerm>>,
    /// Streams in an order in which each comes after those of lower order, sums last.
    pub ascending: Vec<usize>,
}

impl Rules {
    /// For streams that are valid.
    pub fn new(streams: &Streams) -> Rules {
        let place: HashMap<&[u8], usize> = streams.indices.iter().enumerate().map(|(s, i)| (i.as_slice(), s)).collect();
        let mut chain: Vec<_> = streams.indices.iter().map(|index| partitions(index, &place)).collect();
        let mut product: Vec<_> = streams.indices.iter().map(|index| splits(index, &place)).collect();
        for (n, sum) in streams.collapsed.iter().enumerate() {
            let own = streams.indices.len() + n;
            // The parts that contain a derivative of the sum's own order add up to the sum itself.
            let mut chain_terms = vec![ChainTerm { weight: 1.0, blocks: vec![own] }];
            let mut product_terms = vec![
                ProductTerm { weight: 1.0, left: own, right: 0 },
                ProductTerm { weight: 1.0, left: 0, right: own },
            ];
            for &(r, weight) in sum.terms.iter().filter(|(_, weight)| *weight != 0.0) {
                // Along one direction a multi-index is a number, and stream numbers of the pure derivatives stand for it.
                let pure: Vec<usize> = (0..sum.order).map(|k| streams.pure(r, k).expect("validated")).collect();
                for (blocks, count) in block_counts(&vec![0; usize::from(sum.order)]) {
                    if blocks.len() > 1 {
                        let mut blocks: Vec<usize> = blocks.iter().map(|block| pure[block.len()]).collect();
                        blocks.sort_unstable();
                        chain_terms.push(ChainTerm { weight: weight * count, blocks });
                    }
                }
                for j in 1..sum.order {
                    let weight = weight * binomial(sum.order, j);
                    let (left, right) = (pure[usize::from(j)], pure[usize::from(sum.order - j)]);
                    product_terms.push(ProductTerm { weight, left, right });
                }
            }
            chain.push(chain_terms);
            product.push(product_terms);
        }
        let mut ascending: Vec<usize> = (0..streams.indices.len()).collect();
        ascending.sort_by_key(|&s| total(&streams.indices[s]));
        ascending.extend(streams.indices.len()..streams.len());
        Rules { chain, product, ascending }
    }
}

/// Faa di Bruno's formula: a term for each way to divide the derivatives of `index` into blocks.
fn partitions(index: &[u8], place: &HashMap<&[u8], usize>) -> Vec<ChainTerm> {
    let labels: Vec<usize> =
        index.iter().enumerate().flat_map(|(r, &n)| std::iter::repeat_n(r, usize::from(n))).collect();
    let term = |(blocks, count): (Vec<Vec<usize>>, f64)| {
        let stream = |block: &Vec<usize>| {
            let mut part = vec![0u8; index.len()];
            block.iter().for_each(|&r| part[r] += 1);
            place[part.as_slice()]
        };
        let mut blocks: Vec<usize> = blocks.iter().map(stream).collect();
        blocks.sort_unstable();
        ChainTerm { weight: count, blocks }
    };
    block_counts(&labels).into_iter().map(term).collect()
}

/// All set partitions of a list of labels, alike ones counted together; no partitions of the empty list.
fn block_counts(labels: &[usize]) -> Vec<(Vec<Vec<usize>>, f64)> {
    let mut all: Vec<Vec<Vec<usize>>> = vec![vec![]];
    for &label in labels {
        let mut next = Vec::new();
        for partition in all {
            for b in 0..partition.len() {
                let mut grown = partition.clone();
                grown[b].push(label);
                next.push(grown);
            }
            let mut alone = partition;
            alone.push(vec![label]);
            next.push(alone);
        }
        all = next;
    }
    let mut counts: BTreeMap<Vec<Vec<usize>>, f64> = BTreeMap::new();
    for mut partition in all.into_iter().filter(|p| !p.is_empty()) {
        partition.iter_mut().for_each(|block| block.sort_unstable());
        partition.sort();
        *counts.entry(partition).or_insert(0.0) += 1.0;
    }
    counts.into_iter().collect()
}

/// Leibniz' formula: (fg)_alpha = sum over beta <= alpha of C(alpha, beta) f_beta g_{alpha-beta}.
fn splits(index: &[u8], place: &HashMap<&[u8], usize>) -> Vec<ProductTerm> {
    let mut parts: Vec<(Vec<u8>, f64)> = vec![(vec![], 1.0)];
    for &n in index {
        let extend = |(part, weight): (Vec<u8>, f64)| {
            (0..=n).map(move |k| {
                let mut longer = part.clone();
                longer.push(k);
                (longer, weight * binomial(n, k))
            })
        };
        parts = parts.into_iter().flat_map(extend).collect();
    }
    let term = |(left, weight): (Vec<u8>, f64)| {
        let right: Vec<u8> = index.iter().zip(&left).map(|(n, k)| n - k).collect();
        ProductTerm { weight, left: place[left.as_slice()], right: place[right.as_slice()] }
    };
    parts.into_iter().map(term).collect()
}

/// C(n, k) for n <= 4: every step of the product is exact.
fn binomial(n: u8, k: u8) -> f64 {
    (0..k).fold(1.0, |c, i| c * f64::from(n - i) / f64::from(i + 1))
}
