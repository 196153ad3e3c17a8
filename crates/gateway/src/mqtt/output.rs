//! Bytes that are promised to the socket, and which delivery each of them belongs to.
//!
//! What has been handed to the socket in part must be finished as it was begun. A delivery of which
//! no byte has been sent is taken back, because by the next time it may not be allowed any more.

/// The output of one connection.
#[derive(Debug, Default)]
pub(crate) struct Output {
    bytes: Vec<u8>,
    sent_bytes: usize,
    /// The memory is somebody else's, until it is given back.
    is_lent: bool,
}

/// Above this many bytes the buffer gives its memory back when it is empty.
const KEPT_BYTES: usize = 512;

/// Where a delivery begins in the output.
#[derive(Debug)]
pub(crate) struct Mark<U, R> {
    pub(crate) start: usize,
    /// It was sent before, on another connection.
    pub(crate) is_repeated: bool,
    /// How it is taken back.
    pub(crate) undo: U,
    pub(crate) receipt: R,
}

impl Output {
    /// Where packets are appended.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// What is still to be sent.
    pub(crate) fn unsent(&self) -> &[u8] {
        self.bytes.get(self.sent_bytes..).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sent_bytes >= self.bytes.len()
    }

    /// The socket has taken `count` bytes more.
    pub(crate) fn sent(&mut self, count: usize) {
        self.sent_bytes += count;
        if self.is_empty() {
            self.sent_bytes = 0;
            self.bytes.clear();
            if self.bytes.capacity() > KEPT_BYTES && !self.is_lent {
                self.bytes = Vec::new();
            }
        }
    }

    /// Lends memory to write into, where nothing waits.
    pub(crate) fn lend(&mut self, mut buffer: Vec<u8>) {
        if self.is_empty() && !self.is_lent {
            buffer.clear();
            self.bytes = buffer;
            self.is_lent = true;
        }
    }

    /// Gives the memory back that was lent. What was not sent has a place of its own from then on.
    pub(crate) fn give_back(&mut self) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.is_lent) {
            return None;
        }
        let rest = self.unsent().to_vec();
        self.sent_bytes = 0;
        Some(std::mem::replace(&mut self.bytes, rest))
    }

    /// Takes back the deliveries of which nothing has been sent, in order. `marks` keeps the others.
    pub(crate) fn take_back<U, R>(&mut self, marks: &mut Vec<Mark<U, R>>) -> Vec<Mark<U, R>> {
        if self.is_empty() {
            return Vec::new();
        }
        let started = marks.partition_point(|it| it.start < self.sent_bytes);
        let back = marks.split_off(started);
        if let Some(first) = back.first() {
            self.bytes.truncate(first.start);
            self.sent(0);
        }
        back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten bytes of an acknowledgement, then three deliveries of ten bytes.
    fn output() -> (Output, Vec<Mark<char, ()>>) {
        let mut output = Output::default();
        output.buffer().extend_from_slice(&[0; 40]);
        let marks = ['a', 'b', 'c']
            .into_iter()
            .enumerate()
            .map(|(at, delivery)| Mark {
                start: 10 + at * 10,
                is_repeated: false,
                undo: delivery,
                receipt: (),
            })
            .collect();
        (output, marks)
    }

    #[test]
    fn only_what_was_begun_stays() {
        for (sent, kept, back, unsent) in [
            (0, "", "abc", 10),
            (9, "", "abc", 1),
            (10, "", "abc", 0),
            (11, "a", "bc", 9),
            (20, "a", "bc", 0),
            (29, "ab", "c", 1),
            (31, "abc", "", 9),
            (40, "abc", "", 0),
        ] {
            let (mut output, mut marks) = output();
            output.sent(sent);
            let taken = output.take_back(&mut marks);
            let text = |it: &[Mark<char, ()>]| it.iter().map(|it| it.undo).collect::<String>();
            assert_eq!(text(&marks), kept, "{sent}");
            assert_eq!(text(&taken), back, "{sent}");
            assert_eq!(output.unsent().len(), unsent, "{sent}");
            assert_eq!(output.is_empty(), unsent == 0, "{sent}");
        }
    }

    #[test]
    fn memory_that_was_lent_goes_back_and_what_was_not_sent_stays() {
        let mut output = Output::default();
        output.lend(Vec::with_capacity(100_000));
        output.buffer().extend_from_slice(b"begun, and unsent");
        output.sent(7);
        output.lend(Vec::new());
        let lent = output.give_back().unwrap();
        assert!(lent.capacity() >= 100_000);
        assert_eq!(output.unsent(), b"and unsent");
        assert!(output.buffer().capacity() <= KEPT_BYTES);
        assert!(output.give_back().is_none(), "nothing was lent");

        output.sent(10);
        output.lend(lent);
        output.buffer().extend_from_slice(b"all");
        output.sent(3);
        assert!(output.give_back().unwrap().capacity() >= 100_000);
        assert!(output.is_empty());
    }

    #[test]
    fn an_empty_output_keeps_little_memory() {
        let mut output = Output::default();
        output.buffer().extend_from_slice(&[0; 100_000]);
        output.sent(100_000);
        assert!(output.buffer().capacity() <= KEPT_BYTES);
    }
}
