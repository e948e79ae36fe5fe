/// Segments in index order. The indices of dropped ones may be taken by segments that are dropped by the time that any
/// code runs: active ones, and passive ones that the start function consumes.
pub(super) struct SegmentIndices<T> {
    slots: Vec<T>,
    free: std::collections::VecDeque<u32>,
}

impl<T> SegmentIndices<T> {
    /// `slots` must hold their indices; those for which `is_free` holds may be replaced.
    pub fn new(slots: Vec<T>, is_free: impl Fn(&T) -> bool) -> Self {
        let free = (0u32..).zip(&slots).filter(|(_, slot)| is_free(slot)).map(|(index, _)| index).collect();
        SegmentIndices { slots, free }
    }

    /// Puts a segment at the first free index whose segment it `fits`, else at the end, and returns its index.
    pub fn place(&mut self, segment: T, fits: impl Fn(&T) -> bool) -> u32 {
        match self.free.iter().position(|&index| fits(&self.slots[index as usize])) {
            Some(at) => {
                let index = self.free.remove(at).unwrap_or_default();
                self.slots[index as usize] = segment;
                index
            }
            None => {
                self.slots.push(segment);
                self.slots.len() as u32 - 1
            }
        }
    }

    pub fn into_segments(self) -> Vec<T> {
        self.slots
    }
}
