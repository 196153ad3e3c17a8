//! Where values come from, and which names are not known.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::setting::Setting;
use super::{Key, Origin, Problem, keys, sections};
use crate::tls::{self, TlsFiles};

/// The file that counts when nobody names one.
const DEFAULT_FILE: &str = "amanat.toml";
/// The variable that names the file.
const FILE_VARIABLE: &str = "AMANAT_CONFIG";
/// The largest configuration file, in bytes.
const MAX_FILE_BYTES: usize = 256 * 1024;

/// What surrounds the process; tests give their own.
pub(crate) trait Environment {
    /// All variables whose names begin with `AMANAT_`.
    fn variables(&self) -> Vec<(String, String)>;
    /// The text of a file.
    fn read(&self, path: &Path) -> io::Result<String>;
    /// Whether a server can use these files for TLS.
    fn check_tls(&self, files: &TlsFiles) -> anyhow::Result<()>;
}

/// The real surroundings.
#[derive(Debug)]
pub(crate) struct Process;

impl Environment for Process {
    fn variables(&self) -> Vec<(String, String)> {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("AMANAT_"))
            .collect()
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn check_tls(&self, files: &TlsFiles) -> anyhow::Result<()> {
        tls::Served::load(files).map(drop)
    }
}

/// A value from the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flag {
    /// How the flag is called.
    pub(crate) name: &'static str,
    /// Which key it sets.
    pub(crate) path: String,
    /// To what.
    pub(crate) value: String,
}

impl Flag {
    /// A flag that sets `path`.
    pub(crate) fn new(name: &'static str, path: &str, value: impl Into<String>) -> Self {
        Self {
            name,
            path: path.to_owned(),
            value: value.into(),
        }
    }

    /// Reads the value of `--set section.key=value`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (path, value) = text.split_once('=').ok_or("write section.key=value")?;
        Ok(Self::new("--set", path.trim(), value.trim()))
    }
}

struct Value {
    text: String,
    place: String,
}

/// What the sources said, and what was wrong with it.
pub(super) struct Values {
    keys: Vec<Key>,
    found: BTreeMap<String, Value>,
    pub(super) problems: Vec<Problem>,
}

impl Values {
    pub(super) fn gather(
        environment: &dyn Environment,
        file: Option<PathBuf>,
        flags: &[Flag],
    ) -> Self {
        let mut values = Self {
            keys: keys(),
            found: BTreeMap::new(),
            problems: Vec::new(),
        };
        let variables = environment.variables();
        values.file(environment, file, &variables);
        values.variables(variables);
        for flag in flags {
            let place = format!("the flag {}", flag.name);
            values.put(&flag.path, flag.value.clone(), place);
        }
        values
    }

    fn file(
        &mut self,
        environment: &dyn Environment,
        file: Option<PathBuf>,
        variables: &[(String, String)],
    ) {
        let variable = variables.iter().find(|(name, _)| name == FILE_VARIABLE);
        let named = file.or_else(|| variable.map(|(_, value)| PathBuf::from(value)));
        let path = named.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
        match environment.read(&path) {
            Ok(text) if text.len() > MAX_FILE_BYTES => self.problems.push(Problem {
                place: path.display().to_string(),
                reason: format!("the file has {} bytes", text.len()),
                remedy: "keep it under 256 KiB".to_owned(),
            }),
            Ok(text) => self.toml(&path, &text),
            Err(err) if named.is_none() && err.kind() == io::ErrorKind::NotFound => (),
            Err(err) => self.problems.push(Problem {
                place: path.display().to_string(),
                reason: format!("the file cannot be read: {err}"),
                remedy: "name a file that exists and that this user may read".to_owned(),
            }),
        }
    }

    fn toml(&mut self, path: &Path, text: &str) {
        let place = |offset: usize| format!("{}:{}", path.display(), line_of(text, offset));
        let table = match DeTable::parse(text) {
            Ok(table) => table.into_inner(),
            Err(err) => {
                self.problems.push(Problem {
                    place: place(err.span().map_or(0, |it| it.start)),
                    reason: err.message().to_owned(),
                    remedy: "correct the line".to_owned(),
                });
                return;
            }
        };
        for (section, value) in table {
            let at = place(section.span().start);
            let known = sections().iter().any(|(it, _)| *it == section.get_ref());
            match value.into_inner() {
                DeValue::Table(keys) if known => {
                    for (name, value) in keys {
                        let at = place(name.span().start);
                        let path = format!("{}.{}", section.get_ref(), name.get_ref());
                        self.toml_value(&path, value.get_ref(), at);
                    }
                }
                DeValue::Table(_) => self.unknown_section(section.get_ref(), at),
                _ => self.unknown(section.get_ref(), at),
            }
        }
    }

    fn toml_value(&mut self, path: &str, value: &DeValue<'_>, place: String) {
        match value {
            DeValue::String(text) => self.put(path, text.to_string(), place),
            DeValue::Integer(number) => self.put(path, number.as_str().to_owned(), place),
            DeValue::Boolean(truth) => self.put(path, truth.to_string(), place),
            other => self.problems.push(Problem {
                place,
                reason: format!("`{path}` is a {}", other.type_str()),
                remedy: "write a text, a whole number, or true or false".to_owned(),
            }),
        }
    }

    fn variables(&mut self, variables: Vec<(String, String)>) {
        for (name, value) in variables {
            if name == FILE_VARIABLE {
                continue;
            }
            let place = format!("the variable {name}");
            let known = self.keys.iter().find(|it| it.variable() == name);
            match known.map(Key::path) {
                Some(path) => self.put(&path, value, place),
                None => {
                    let names: Vec<_> = self.keys.iter().map(Key::variable).collect();
                    self.problems.push(Problem {
                        place,
                        reason: format!("`{name}` is not a setting"),
                        remedy: nearest(&name, &names),
                    });
                }
            }
        }
    }

    fn put(&mut self, path: &str, text: String, place: String) {
        if self.keys.iter().any(|it| it.path() == path) {
            self.found.insert(path.to_owned(), Value { text, place });
        } else {
            self.unknown(path, place);
        }
    }

    fn unknown(&mut self, path: &str, place: String) {
        let section = path.split_once('.').map(|(section, _)| section);
        if let Some(section) = section
            && !sections().iter().any(|(it, _)| *it == section)
            && !self.keys.iter().any(|it| last(&it.path()) == last(path))
        {
            let names: Vec<_> = sections().iter().map(|(it, _)| (*it).to_owned()).collect();
            let reason = format!("`{path}` is not a setting: there is no section `{section}`");
            let remedy = nearest(section, &names);
            self.problems.push(Problem {
                place,
                reason,
                remedy,
            });
            return;
        }
        let names: Vec<_> = self.keys.iter().map(Key::path).collect();
        self.problems.push(Problem {
            place,
            reason: format!("`{path}` is not a setting"),
            remedy: nearest(path, &names),
        });
    }

    fn unknown_section(&mut self, name: &str, place: String) {
        let names: Vec<_> = sections().iter().map(|(it, _)| format!("[{it}]")).collect();
        self.problems.push(Problem {
            place,
            reason: format!("`[{name}]` is not a section"),
            remedy: nearest(&format!("[{name}]"), &names),
        });
    }

    /// Reads the value of a key; a problem is noted and gives `None`.
    pub(super) fn take<T: Setting>(&mut self, path: &str) -> Option<T> {
        match self.parse(path) {
            Ok(value) => Some(value),
            Err(remedy) => {
                let reason = if T::SECRET {
                    format!("the value of `{path}` cannot be used")
                } else {
                    format!("`{}` cannot be used for `{path}`", self.text(path))
                };
                self.problem(path, reason, &remedy);
                None
            }
        }
    }

    /// The value of a key, if it can be read.
    pub(super) fn peek<T: Setting>(&self, path: &str) -> Option<T> {
        self.parse(path).ok()
    }

    fn parse<T: Setting>(&self, path: &str) -> Result<T, String> {
        let value = T::parse(self.text(path))?;
        match self.key(path).and_then(|it| it.minimum) {
            Some(minimum) => value.at_least(minimum),
            None => Ok(value),
        }
    }

    fn text(&self, path: &str) -> &str {
        match self.found.get(path) {
            Some(found) => &found.text,
            None => self.key(path).map_or("", |it| it.default),
        }
    }

    fn key(&self, path: &str) -> Option<&Key> {
        self.keys.iter().find(|it| it.path() == path)
    }

    /// Notes what is wrong with the value of a key.
    pub(super) fn problem(&mut self, path: &str, reason: String, remedy: &str) {
        let place = self
            .found
            .get(path)
            .map_or_else(|| format!("`{path}`"), |it| it.place.clone());
        self.problems.push(Problem {
            place,
            reason,
            remedy: remedy.to_owned(),
        });
    }

    /// Where the value of each key came from.
    pub(super) fn origins(&self) -> Vec<Origin> {
        let origin = |key: &Key| {
            let path = key.path();
            let found = self.found.get(&path);
            let value = found.map_or(key.default, |it| &it.text);
            Origin {
                value: if key.secret && !value.is_empty() {
                    "…".to_owned()
                } else {
                    value.to_owned()
                },
                place: found.map_or_else(|| "default".to_owned(), |it| it.place.clone()),
                path,
            }
        };
        self.keys.iter().map(origin).collect()
    }
}

/// Proposes the name that is most like `name`; the last part counts alone too, for a key in the wrong section.
fn nearest(name: &str, names: &[String]) -> String {
    let likeness = |it: &String| {
        let whole = strsim::jaro_winkler(name, it);
        let part = strsim::jaro_winkler(last(name), last(it));
        whole.max(part * 0.95)
    };
    let best = names
        .iter()
        .map(|it| (likeness(it), it))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, best)) if likeness > 0.7 => format!("did you mean `{best}`?"),
        _ => "`amanat check-config` lists every setting".to_owned(),
    }
}

/// The name without its section.
fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|it| *it == b'\n').count() + 1
}
