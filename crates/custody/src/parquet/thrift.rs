//! Thrift's compact protocol, as far as the metadata of Parquet needs it (Apache Thrift, `thrift-compact-protocol.md`): structs of
//! whole numbers, truth values, texts, structs and lists.

/// The types of fields and of items of lists.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// Writes a number without a sign, seven bits a byte, the lowest first.
pub(super) fn varint(mut number: u64, out: &mut Vec<u8>) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

/// A number with a sign, small when it is near zero.
fn zigzag(number: i64, out: &mut Vec<u8>) {
    varint(((number << 1) ^ (number >> 63)).cast_unsigned(), out);
}

fn text(value: &str, out: &mut Vec<u8>) {
    varint(super::wide(value.len()), out);
    out.extend_from_slice(value.as_bytes());
}

fn list_head(length: usize, kind: u8, out: &mut Vec<u8>) {
    match u8::try_from(length) {
        Ok(short) if short < 15 => out.push((short << 4) | kind),
        _ => {
            out.push(0xf0 | kind);
            varint(super::wide(length), out);
        }
    }
}

/// A struct while it is written. Its fields come in the order of their numbers, which are small: below 16 apart.
pub(super) struct Fields<'a> {
    out: &'a mut Vec<u8>,
    last: u8,
}

/// Writes a struct.
pub(super) fn fields(out: &mut Vec<u8>, write: impl FnOnce(&mut Fields<'_>)) {
    let mut fields = Fields { out, last: 0 };
    write(&mut fields);
    out.push(0);
}

impl Fields<'_> {
    fn head(&mut self, id: u8, kind: u8) {
        let step = id.saturating_sub(self.last);
        debug_assert!((1..16).contains(&step), "fields come in their order");
        self.out.push((step << 4) | kind);
        self.last = id;
    }

    pub(super) fn truth(&mut self, id: u8, value: bool) {
        self.head(id, if value { TRUE } else { FALSE });
    }

    pub(super) fn i32(&mut self, id: u8, value: i32) {
        self.head(id, I32);
        zigzag(value.into(), self.out);
    }

    pub(super) fn i64(&mut self, id: u8, value: i64) {
        self.head(id, I64);
        zigzag(value, self.out);
    }

    pub(super) fn text(&mut self, id: u8, value: &str) {
        self.head(id, BINARY);
        text(value, self.out);
    }

    pub(super) fn fields(&mut self, id: u8, write: impl FnOnce(&mut Fields<'_>)) {
        self.head(id, STRUCT);
        fields(self.out, write);
    }

    pub(super) fn numbers(&mut self, id: u8, values: &[i32]) {
        self.head(id, LIST);
        list_head(values.len(), I32, self.out);
        for value in values {
            zigzag((*value).into(), self.out);
        }
    }

    pub(super) fn texts(&mut self, id: u8, values: &[&str]) {
        self.head(id, LIST);
        list_head(values.len(), BINARY, self.out);
        for value in values {
            text(value, self.out);
        }
    }

    pub(super) fn each<T>(
        &mut self,
        id: u8,
        values: &[T],
        mut write: impl FnMut(&T, &mut Fields<'_>),
    ) {
        self.head(id, LIST);
        list_head(values.len(), STRUCT, self.out);
        for value in values {
            fields(self.out, |it| write(value, it));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the specification of the protocol.
    #[test]
    fn numbers_are_written_as_the_protocol_says() {
        for (number, expected) in [
            (0_i64, vec![0]),
            (-1, vec![1]),
            (1, vec![2]),
            (-2, vec![3]),
            (2_147_483_647, vec![0xfe, 0xff, 0xff, 0xff, 0x0f]),
            (-2_147_483_648, vec![0xff, 0xff, 0xff, 0xff, 0x0f]),
        ] {
            let mut out = Vec::new();
            zigzag(number, &mut out);
            assert_eq!(out, expected, "{number}");
        }
        let mut out = Vec::new();
        varint(50_399, &mut out);
        assert_eq!(out, [0xdf, 0x89, 0x03]);
    }

    #[test]
    fn structs_and_lists_are_written_as_the_protocol_says() {
        let mut out = Vec::new();
        fields(&mut out, |it| {
            it.i32(1, 3);
            it.truth(2, true);
            it.numbers(9, &[0; 15]);
            it.fields(10, |it| it.text(1, "ab"));
        });
        let mut expected = vec![0x15, 6, 0x11, 0x79, 0xf5, 15];
        expected.extend([0; 15]);
        expected.extend([0x1c, 0x18, 2, b'a', b'b', 0, 0]);
        assert_eq!(out, expected);
    }
}
