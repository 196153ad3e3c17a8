//! Coarse texts: the label of the group that a text belongs to.
//!
//! A label that was stored can be coarsened again: a coarser category also maps the labels of the finer ones of its field.
//! That has one answer only where a label stands for the same texts wherever it stands, and where whatever a finer category
//! throws together stays together: both are checked when a notice is compiled.

use std::collections::{BTreeMap, BTreeSet};

use model::{Category, Coarsening, Field};

use super::Coarse;
use crate::schema::json_string;

/// A category that is ready to be applied. Labels are JSON strings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Labels {
    category: Category,
    of: BTreeMap<String, String>,
    otherwise: Option<String>,
    /// What is shown for a stored label: of this category, of a coarser or of a finer one.
    again: BTreeMap<String, String>,
}

/// The texts that a label stands for.
#[derive(Debug, PartialEq, Eq)]
enum Extent<'a> {
    These(BTreeSet<&'a str>),
    AllBut(BTreeSet<&'a str>),
}

impl Labels {
    /// Prepares the category at `number` (counted from 0) among the coarse levels of a field; `None` when a text stands in
    /// two groups or a label has two meanings.
    pub(super) fn prepare(category: &Category, field: &Field, number: usize) -> Option<Self> {
        let mut of = BTreeMap::new();
        for group in &category.groups {
            for member in &group.members {
                let label = json_string(&group.label);
                if of.insert(member.clone(), label).is_some() {
                    return None;
                }
            }
        }
        let mut again = BTreeMap::new();
        for (other_number, other) in field.coarse.iter().enumerate() {
            let Coarsening::Category(other) = other else {
                continue;
            };
            for label in labels(other) {
                if !means_the_same(label, category, other) {
                    return None;
                }
                let shown = if other_number <= number {
                    // Its own, or of a coarser one: shown as it was stored.
                    Some(label)
                } else {
                    // Where its texts come apart, the levels are in the wrong order.
                    image(category, &extent(other, label)).unwrap_or(None)
                };
                if let Some(shown) = shown {
                    again.insert(label.to_owned(), json_string(shown));
                }
            }
        }
        Some(Self {
            of,
            otherwise: category.otherwise.as_deref().map(json_string),
            again,
            category: category.clone(),
        })
    }

    pub(super) fn apply(&self, text: &str) -> Option<Coarse> {
        let label = self.of.get(text).or(self.otherwise.as_ref())?;
        Some(Coarse::text(label.clone()))
    }

    pub(super) fn again(&self, label: &str) -> Option<Coarse> {
        Some(Coarse::text(self.again.get(label)?.clone()))
    }

    /// Whether this is a function of the other category, and not the same.
    pub(super) fn may_precede(&self, finer: &Self) -> bool {
        let (coarse, fine) = (
            Coarsening::Category(self.category.clone()),
            Coarsening::Category(finer.category.clone()),
        );
        coarse.is_no_finer_than(&fine) && !fine.is_no_finer_than(&coarse)
    }
}

/// Every label of a category once.
fn labels(category: &Category) -> BTreeSet<&str> {
    let groups = category.groups.iter().map(|it| it.label.as_str());
    groups.chain(category.otherwise.as_deref()).collect()
}

fn members(category: &Category) -> impl Iterator<Item = (&str, &str)> {
    let groups = category.groups.iter();
    groups.flat_map(|group| {
        let members = group.members.iter();
        members.map(|it| (it.as_str(), group.label.as_str()))
    })
}

fn extent<'a>(category: &'a Category, label: &str) -> Extent<'a> {
    let pick = |wanted: bool| {
        let picked = members(category).filter(|it| (it.1 == label) == wanted);
        picked.map(|it| it.0).collect()
    };
    if category.otherwise.as_deref() == Some(label) {
        Extent::AllBut(pick(false))
    } else {
        Extent::These(pick(true))
    }
}

fn means_the_same(label: &str, one: &Category, other: &Category) -> bool {
    !labels(one).contains(label) || extent(one, label) == extent(other, label)
}

/// The one label under which a category shows all these texts, `None` where it shows none of them; an error where they come apart.
fn image<'a>(category: &'a Category, texts: &Extent<'_>) -> Result<Option<&'a str>, ()> {
    let otherwise = category.otherwise.as_deref();
    let shown = |text: &str| {
        members(category)
            .find(|it| it.0 == text)
            .map_or(otherwise, |it| Some(it.1))
    };
    let mut images = BTreeSet::new();
    match texts {
        Extent::These(texts) => images.extend(texts.iter().map(|it| shown(it))),
        Extent::AllBut(texts) => {
            images.insert(otherwise);
            let left = members(category).filter(|it| !texts.contains(it.0));
            images.extend(left.map(|it| Some(it.1)));
        }
    }
    let first = images.pop_first().flatten();
    if images.is_empty() {
        Ok(first)
    } else {
        Err(())
    }
}
