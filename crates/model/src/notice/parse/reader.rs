//! Collects problems with their lines.

use super::tree::Node;
use super::{MAX_PROBLEMS, NoticeError, Problem};

/// Collects problems; whoever finds one goes on with the rest.
pub(super) struct Reader<'a> {
    source: &'a str,
    /// Where each line begins.
    lines: Vec<usize>,
    problems: Vec<(usize, Problem)>,
    left_out: usize,
    /// Where something stands of which nobody can say what it means.
    doubtful: Vec<usize>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        let breaks = source.bytes().enumerate().filter(|it| it.1 == b'\n');
        Self {
            source,
            lines: [0].into_iter().chain(breaks.map(|it| it.0 + 1)).collect(),
            problems: Vec::new(),
            left_out: 0,
            doubtful: Vec::new(),
        }
    }

    /// Notes a problem at an offset.
    pub(super) fn problem(
        &mut self,
        at: usize,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.doubtful.push(at);
        self.note(at, reason, remedy);
    }

    fn note(&mut self, at: usize, reason: impl Into<String>, remedy: impl Into<String>) {
        if self.problems.len() >= MAX_PROBLEMS {
            self.left_out += 1;
            return;
        }
        let line = self.lines.partition_point(|it| *it <= at).max(1);
        let begin = self.lines.get(line - 1).copied().unwrap_or_default();
        let column = self
            .source
            .get(begin..at)
            .map_or(0, |it| it.chars().count())
            + 1;
        let problem = Problem {
            line,
            column,
            reason: reason.into(),
            remedy: remedy.into(),
        };
        self.problems.push((at, problem));
    }

    /// Notes a problem at a node.
    pub(super) fn wrong(
        &mut self,
        node: &Node,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.problem(node.at, reason, remedy);
    }

    /// Notes a problem of form: what the node says is understood all the same, and nothing more passes because of it. A notice that
    /// was published is read as it stands; see `published`.
    pub(super) fn form(
        &mut self,
        node: &Node,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.note(node.at, reason, remedy);
    }

    /// Notes that a node is as doubtful as the one where the problem is.
    pub(super) fn doubt(&mut self, node: &Node) {
        self.doubtful.push(node.at);
    }

    /// Where something stands of which nobody can say what it means.
    pub(super) fn doubtful(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.doubtful)
    }

    /// How many problems there are so far.
    pub(super) fn count(&self) -> usize {
        self.problems.len() + self.left_out
    }

    /// What was read, if nothing is wrong with it.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, NoticeError> {
        let problems = self.into_problems();
        match read {
            Some(read) if problems.is_empty() => Ok(read),
            _ => Err(NoticeError { problems }),
        }
    }

    /// Every problem, by its place.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|it| it.0);
        let mut problems: Vec<_> = self.problems.into_iter().map(|it| it.1).collect();
        if self.left_out > 0 {
            problems.push(Problem {
                line: self.lines.len(),
                column: 1,
                reason: format!("there are {} more problems", self.left_out),
                remedy: "correct these first and check again".to_owned(),
            });
        }
        problems
    }
}

/// `did you mean …?` where one of the names is close, otherwise what `else_say` says.
pub(super) fn meant<'a>(
    found: &str,
    names: impl IntoIterator<Item = &'a str>,
    else_say: impl FnOnce() -> String,
) -> String {
    let likeness = |it: &str| strsim::jaro_winkler(&found.to_lowercase(), &it.to_lowercase());
    let best = names
        .into_iter()
        .map(|it| (likeness(it), it))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, best)) if likeness > 0.8 => format!("did you mean `{best}`?"),
        _ => else_say(),
    }
}
