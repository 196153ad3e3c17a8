//! Reading a notice that was published once: rules that were added later do not keep it from being read.
//!
//! Such a file was accepted by the rules of its day. It is read by the rules of today, and what breaks one of them is of two kinds:
//!
//! - A rule of *form* (a mail address, a DPV term, the length of a text) does not change what the notice means: it is read as it stands.
//! - Everything else is *doubtful*. The entry in which it stands (field, purpose, recipient, model, declaration, switch, command) is cut out
//!   whole, then every entry that named it, until nothing doubtful is left. What is doubtful outside of any entry closes the notice:
//!   it declares nothing.
//!
//! Where several declarations cover the same, the most restrictive counts. So with a declaration every other one goes that may cover
//! the same field for the same purpose: what the doubtful one would have forbidden is not allowed by its absence.
//!
//! So a lenient reading is the strict reading of a file with fewer entries, and nothing passes by it that the file itself does not
//! declare in words of today. What is cut out is never replaced by a guess; only texts that people read have a stand-in.

use super::reader::Reader;
use super::tree::{Member, Node, Value};
use super::{Problem, build, conform, fields, read_tree};
use crate::notice::shape::{self, Kind, Need, Shape};
use crate::notice::{NoticeError, PublishedNotice};

/// So often entries are cut out; what then is still doubtful closes the notice.
const MAX_ROUNDS: usize = 64;
const DECLARATIONS: &str = "declarations";
/// The lists whose entries can be cut out.
const ENTRIES: [&str; 7] = [
    "fields",
    "purposes",
    "recipients",
    "models",
    DECLARATIONS,
    "source-switches",
    "commands",
];
/// What people read beside the declarations: a stand-in takes nothing from anybody's protection.
const WORDS: [&str; 9] = [
    "title",
    "summary",
    "place",
    "stored-in",
    "bystanders",
    "contact",
    "position",
    "source-switches",
    "commands",
];

/// Reads a notice that was published.
pub(super) fn read(text: &str) -> Result<PublishedNotice, NoticeError> {
    let mut reader = Reader::new(text);
    let mut root = match read_tree(text) {
        Ok(root) => root,
        Err(err) => {
            reader.problem(err.at, err.reason, "restore the text of the notice");
            return reader.finish(None);
        }
    };
    let mut cut = Cut::default();
    let mut problems: Option<Vec<Problem>> = None;
    for round in 0..=MAX_ROUNDS + 1 {
        let mut reader = Reader::new(text);
        conform::table(&mut reader, &root, &shape::NOTICE);
        let notice = build::notice(&mut reader, &root);
        let doubtful = reader.doubtful();
        let found = problems.get_or_insert_with(|| reader.into_problems());
        let doubtful: Vec<_> = doubtful
            .into_iter()
            .filter(|it| !is_emptied(&root, *it))
            .collect();
        match notice {
            Some(mut notice) if doubtful.is_empty() => {
                if cut.is_closed {
                    notice.declarations.clear();
                }
                return Ok(PublishedNotice {
                    notice,
                    problems: std::mem::take(found),
                    is_cut: cut.is_cut,
                });
            }
            _ => {}
        }
        if round >= MAX_ROUNDS {
            cut.everything(&mut root);
        }
        for at in doubtful {
            cut.at(&mut root, at);
        }
        mend(&mut root, &shape::NOTICE);
    }
    Err(NoticeError {
        problems: problems.unwrap_or_default(),
    })
}

/// Whether an offset is that of a list of entries all of which were cut out.
fn is_emptied(root: &Node, at: usize) -> bool {
    ENTRIES.iter().any(|key| {
        let list = root.get(key);
        list.is_some_and(|it| it.at == at && it.value == Value::List(Vec::new()))
    })
}

#[derive(Default)]
struct Cut {
    is_cut: bool,
    is_closed: bool,
}

impl Cut {
    /// Cuts out whatever stands at an offset.
    fn at(&mut self, root: &mut Node, at: usize) {
        let doubtful = root.list(DECLARATIONS).iter().filter(|it| holds(it, at));
        let covered: Vec<_> = doubtful.map(|it| Covered::by(root, it)).collect();
        let begins_at = root.at == at;
        let Value::Table(members) = &mut root.value else {
            return;
        };
        let before = members.len();
        if begins_at {
            // Something is missing, or the first key is unknown: see `mend` for the former.
            members.retain(|it| it.at != at || shape::NOTICE.key(&it.key).is_some());
            self.is_cut |= members.len() < before;
            self.is_closed |= members.len() < before;
            return;
        }
        for member in members.iter_mut() {
            let Value::List(items) = &mut member.node.value else {
                continue;
            };
            if !ENTRIES.contains(&member.key.as_str()) {
                continue;
            }
            let before = items.len();
            let is_declaration = member.key == DECLARATIONS;
            let goes = |it: &Node| {
                let mut covered = covered.iter();
                holds(it, at) || (is_declaration && covered.any(|one| one.may_be_by(it)))
            };
            items.retain(|it| !goes(it));
            if items.len() < before {
                self.is_cut = true;
                return;
            }
        }
        members.retain(|it| {
            let goes = it.at == at || holds(&it.node, at);
            self.is_cut |= goes;
            self.is_closed |= goes && !WORDS.contains(&it.key.as_str());
            !goes
        });
    }

    /// Nothing is left that could pass.
    fn everything(&mut self, root: &mut Node) {
        if let Value::Table(members) = &mut root.value {
            members.retain(|it| !ENTRIES.contains(&it.key.as_str()));
        }
        (self.is_cut, self.is_closed) = (true, true);
    }
}

/// What a declaration that is cut out may have covered.
struct Covered {
    /// `None` where it is not clear.
    purpose: Option<String>,
    /// `None` where it is not clear.
    fields: Option<Vec<String>>,
}

impl Covered {
    fn by(root: &Node, declaration: &Node) -> Self {
        let purpose = declaration.get("purpose").and_then(Node::text);
        let is_known = |purpose: &&str| {
            let mut purposes = root.list("purposes").iter();
            purposes.any(|it| it.get("id").and_then(Node::text) == Some(*purpose))
        };
        let known: Vec<_> = root
            .list("fields")
            .iter()
            .filter_map(fields::place)
            .map(|it| it.1)
            .collect();
        let named = declaration.list("fields").iter().map(|it| {
            let text = it.text().map(str::to_owned);
            text.filter(|it| known.contains(it))
        });
        let named: Option<Vec<_>> = named.collect();
        Self {
            purpose: purpose.filter(is_known).map(str::to_owned),
            fields: named.filter(|it| !it.is_empty()),
        }
    }

    /// Whether another declaration may cover the same.
    fn may_be_by(&self, other: &Node) -> bool {
        let (Some(purpose), found) = (&self.purpose, other.get("purpose").and_then(Node::text))
        else {
            return true;
        };
        let Some(fields) = &self.fields else {
            return found.is_none_or(|it| it == purpose);
        };
        let shares = |it: &Node| {
            it.text()
                .is_none_or(|it| fields.iter().any(|one| one == it))
        };
        found.is_none_or(|it| it == purpose) && other.list("fields").iter().any(shares)
    }
}

/// Whether something in a node begins at an offset.
fn holds(node: &Node, at: usize) -> bool {
    node.at == at
        || node.items().iter().any(|it| holds(it, at))
        || node
            .members()
            .iter()
            .any(|it| it.at == at || holds(&it.node, at))
}

/// Puts stand-ins where texts that people read are missing, and empty lists where entries are.
fn mend(root: &mut Node, shape: &Shape) {
    let end = usize::MAX;
    let Value::Table(members) = &mut root.value else {
        return;
    };
    for key in shape.keys.iter().filter(|it| it.need == Need::Required) {
        if members.iter().any(|it| it.key == key.name) {
            continue;
        }
        let node = |value| Node { at: end, value };
        let text = |text: &str| node(Value::Text(text.to_owned()));
        let node = match &key.kind {
            Kind::Bilingual(_) => node(Value::Table(vec![
                member("en", text("Cannot be read")),
                member("ur", text("پڑھا نہیں جا سکتا")),
            ])),
            Kind::Plain(_) => text("-"),
            Kind::Table(inner) => {
                let mut table = node(Value::Table(Vec::new()));
                mend(&mut table, inner);
                table
            }
            Kind::List { .. } => node(Value::List(Vec::new())),
            _ => continue,
        };
        members.push(member(key.name, node));
    }
}

fn member(key: &str, node: Node) -> Member {
    Member {
        key: key.to_owned(),
        at: usize::MAX,
        node,
    }
}
