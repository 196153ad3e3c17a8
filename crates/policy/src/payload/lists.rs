//! Values of fields with `*` in their pointers: each lies in an element of a list, which may lie in an element of another list.

use crate::field_set::FieldIndex;
use crate::payload::Span;
use crate::schema::NodeIndex;

/// An element of a list, numbered through the message; 0 is the message itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct ElementIndex(u32);

impl ElementIndex {
    /// Outside of every list.
    pub(crate) const MESSAGE: Self = Self(0);
}

/// The values in the lists of a message. Elements without a value are not there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lists {
    /// By field, then in the order of the message.
    items: Vec<Item>,
    /// By the element around, the place of the list, then in the order of the message.
    elements: Vec<Element>,
    /// Containers in elements that came as an array, ascending.
    arrays: Vec<(ElementIndex, NodeIndex)>,
    /// The number of the element that was opened last.
    last: u32,
}

#[derive(Debug, Clone, Copy)]
struct Item {
    field: FieldIndex,
    element: ElementIndex,
    span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Element {
    around: ElementIndex,
    list: NodeIndex,
    index: ElementIndex,
}

/// An element that is being read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opened {
    pub(crate) around: ElementIndex,
    items: usize,
    elements: usize,
    arrays: usize,
}

impl Lists {
    /// How many bytes it holds, itself included.
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of::<Self>()
            + self.items.capacity() * size_of::<Item>()
            + self.elements.capacity() * size_of::<Element>()
            + self.arrays.capacity() * size_of::<(ElementIndex, NodeIndex)>()
    }

    /// Begins an element of a list.
    pub(crate) fn open(&mut self, around: ElementIndex, list: NodeIndex) -> (ElementIndex, Opened) {
        let opened = Opened {
            around,
            items: self.items.len(),
            elements: self.elements.len(),
            arrays: self.arrays.len(),
        };
        // A message has fewer bytes than this counts.
        self.last = self.last.saturating_add(1);
        let index = ElementIndex(self.last);
        self.elements.push(Element {
            around,
            list,
            index,
        });
        (index, opened)
    }

    /// Ends an element, and forgets it where nothing in it was kept.
    pub(crate) fn close(&mut self, opened: Opened) {
        if self.items.len() == opened.items {
            self.elements.truncate(opened.elements);
            self.arrays.truncate(opened.arrays);
        }
    }

    /// Keeps a value of an element; tells how many there are.
    pub(crate) fn keep(&mut self, field: FieldIndex, element: ElementIndex, span: Span) -> usize {
        self.items.push(Item {
            field,
            element,
            span,
        });
        self.items.len()
    }

    /// Remembers that a container in an element came as an array.
    pub(crate) fn came_as_array(&mut self, element: ElementIndex, node: NodeIndex) {
        self.arrays.push((element, node));
    }

    /// Puts everything in the order in which it is looked up.
    pub(crate) fn settle(&mut self) {
        self.items.sort_unstable_by_key(|it| (it.field, it.element));
        self.elements.sort_unstable();
        self.arrays.sort_unstable();
    }

    pub(crate) fn is_array(&self, element: ElementIndex, node: NodeIndex) -> bool {
        self.arrays.binary_search(&(element, node)).is_ok()
    }

    /// Takes every value of a field out.
    pub(crate) fn drop_field(&mut self, field: FieldIndex) {
        self.items.retain(|it| it.field != field);
    }

    /// The values of a field, in the order of the message.
    pub(crate) fn values(&self, field: FieldIndex) -> impl Iterator<Item = Span> + '_ {
        let from = self.items.partition_point(|it| it.field < field);
        let items = self.items.get(from..).unwrap_or_default().iter();
        items
            .take_while(move |it| it.field == field)
            .map(|it| it.span)
    }

    /// The value of a field in an element.
    pub(crate) fn value(&self, field: FieldIndex, element: ElementIndex) -> Option<Span> {
        let key = |it: &Item| (it.field, it.element);
        let found = self.items.binary_search_by_key(&(field, element), key);
        self.items.get(found.ok()?).map(|it| it.span)
    }

    /// The number among the elements of the first element of a list.
    pub(crate) fn first(&self, around: ElementIndex, list: NodeIndex) -> usize {
        self.elements
            .partition_point(|it| (it.around, it.list) < (around, list))
    }

    /// The element with this number, if it is one of the list.
    pub(crate) fn nth(
        &self,
        number: usize,
        around: ElementIndex,
        list: NodeIndex,
    ) -> Option<ElementIndex> {
        let element = self.elements.get(number)?;
        ((element.around, element.list) == (around, list)).then_some(element.index)
    }

    /// The same under another schema: `field` and `node` give the numbers there; `holds` says whether a value may stay.
    pub(crate) fn under(
        &self,
        field: impl Fn(FieldIndex) -> Option<FieldIndex>,
        node: impl Fn(NodeIndex) -> Option<NodeIndex>,
        holds: impl Fn(FieldIndex, Span) -> bool,
    ) -> Self {
        let items = self.items.iter().filter_map(|it| {
            let field = field(it.field)?;
            holds(field, it.span).then_some(Item { field, ..*it })
        });
        let elements = self.elements.iter().filter_map(|it| {
            let list = node(it.list)?;
            Some(Element { list, ..*it })
        });
        let arrays = self.arrays.iter();
        let mut moved = Self {
            items: items.collect(),
            elements: elements.collect(),
            arrays: arrays.filter_map(|it| Some((it.0, node(it.1)?))).collect(),
            last: self.last,
        };
        moved.settle();
        moved
    }

    /// The fields that have values here.
    pub(crate) fn fields(&self) -> impl Iterator<Item = FieldIndex> + '_ {
        self.items
            .chunk_by(|a, b| a.field == b.field)
            .filter_map(|it| it.first().map(|it| it.field))
    }
}
