//! A reader of pickles that runs no code: it knows the opcodes and the globals that PyTorch writes
//! for a state dict, and refuses all others by name.
//!
//! Values lie in one list and refer to each other by index. However deeply a pickle nests, and even
//! if it is cyclic, reading and dropping it takes no recursion. Memory is bounded by the length of
//! the pickle, by [`MAX_VALUES`] and by [`MAX_AXES`].

use std::collections::HashMap;

use safetensors::Dtype;

use crate::error::{Fault, bail, ensure};

type Result<T> = std::result::Result<T, Fault>;

/// Maximum number of axes of a tensor, more than any weight has.
pub const MAX_AXES: usize = 8;

/// Maximum number of values. A state dict has about 20 for each tensor, and the largest checkpoint
/// of the model family has fewer than 2000 tensors.
const MAX_VALUES: usize = 1 << 20;

/// Index of a value.
pub type Id = usize;

/// A value of a pickle.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// None, a boolean or a float, of which no tensor consists.
    Other,
    Int(i64),
    Str(&'a str),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    Storage(Storage<'a>),
    Tensor(View<'a>),
}

/// A function or class that a pickle may name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Dtype),
}

/// A run of numbers in a file of its own in the archive.
#[derive(Clone, Debug)]
pub struct Storage<'a> {
    /// Type of its numbers.
    pub dtype: Dtype,
    /// Name of the file.
    pub key: &'a str,
    /// Length in numbers.
    pub len: usize,
}

/// A tensor: the place of its numbers in a storage.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// Storage of its numbers.
    pub storage: Storage<'a>,
    /// Index of its first number.
    pub offset: usize,
    /// Size of each axis.
    pub shape: Vec<usize>,
    /// Distance of two entries of each axis, in numbers.
    pub strides: Vec<usize>,
}

/// The values of a pickle.
pub struct Pickle<'a> {
    values: Vec<Value<'a>>,
    root: Id,
}

impl<'a> Pickle<'a> {
    /// Reads a pickle.
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut machine = Machine { bytes, ..Machine::default() };
        loop {
            let at = machine.at;
            let step = machine.step();
            let place = |fault: Fault| fault.within(&format!("its pickle, at byte {at}"));
            if let Some(root) = step.map_err(place)? {
                return Ok(Self { values: machine.values, root });
            }
            ensure!(
                machine.values.len() <= MAX_VALUES,
                "its pickle has more than {MAX_VALUES} values: save the state dict alone"
            );
        }
    }

    /// Returns the value that was pickled.
    pub fn root(&self) -> &Value<'a> {
        self.get(self.root)
    }

    /// Returns any value.
    pub fn get(&self, id: Id) -> &Value<'a> {
        &self.values[id]
    }
}

#[derive(Default)]
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack at its marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl<'a> Machine<'a> {
    /// Executes one opcode; returns the root at the end.
    fn step(&mut self) -> Result<Option<Id>> {
        match self.byte()? {
            // PROTO and FRAME carry nothing that is needed.
            0x80 => _ = self.byte()?,
            0x95 => _ = self.take(8)?,
            b'(' => self.marks.push(self.stack.len()),
            b'N' | 0x88 | 0x89 => self.push(Value::Other),
            b'G' => {
                self.take(8)?;
                self.push(Value::Other);
            }
            b'K' => self.int(1)?,
            b'M' => self.int(2)?,
            b'J' => {
                let value = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(value.into()));
            }
            0x8a => self.long()?,
            b'X' => {
                let len = u32::from_le_bytes(self.array()?) as usize;
                self.string(len)?;
            }
            0x8c => {
                let len = self.byte()?;
                self.string(len.into())?;
            }
            b')' => self.push(Value::Tuple(Vec::new())),
            b']' => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Tuple(items));
            }
            code @ 0x85..=0x87 => {
                let items = self.pop_many(usize::from(code - 0x84))?;
                self.push(Value::Tuple(items));
            }
            b'a' => {
                let items = self.pop_many(1)?;
                self.append(items)?;
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.append(items)?;
            }
            b's' => {
                let items = self.pop_many(2)?;
                self.set_items(&items)?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)?;
            }
            b'q' => {
                let index = self.byte()?;
                self.memoize(index.into())?;
            }
            b'r' => {
                let index = u32::from_le_bytes(self.array()?);
                self.memoize(index)?;
            }
            // The length of a pickle is limited, and with it that of the memo.
            0x94 => self.memoize(self.memo.len() as u32)?,
            b'h' => {
                let index = self.byte()?;
                self.recall(index.into())?;
            }
            b'j' => {
                let index = u32::from_le_bytes(self.array()?);
                self.recall(index)?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Value::Global(Global::named(module, name)?));
            }
            0x93 => self.stack_global()?,
            b'Q' => self.storage()?,
            b'R' => self.call()?,
            b'b' => self.build()?,
            b'.' => return self.pop().map(Some),
            code => bail!("opcode {code:#04x} has no place in a state dict"),
        }
        Ok(None)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        ensure!(len <= rest.len(), "expected {len} more bytes, found {}", rest.len());
        self.at += len;
        Ok(&rest[..len])
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    fn line(&mut self) -> Result<&'a str> {
        let rest = &self.bytes[self.at..];
        let Some(len) = rest.iter().position(|byte| *byte == b'\n') else {
            bail!("a line without an end")
        };
        let line = utf8(self.take(len)?)?;
        self.at += 1;
        Ok(line)
    }

    fn string(&mut self, len: usize) -> Result<()> {
        let text = utf8(self.take(len)?)?;
        self.push(Value::Str(text));
        Ok(())
    }

    /// Pushes an unsigned integer of `len` bytes, at most 7.
    fn int(&mut self, len: usize) -> Result<()> {
        let bytes = self.take(len)?;
        self.push(Value::Int(bytes.iter().rev().fold(0, |n, byte| n << 8 | i64::from(*byte))));
        Ok(())
    }

    /// Pushes a signed integer; its first byte is the number of bytes that follow.
    fn long(&mut self) -> Result<()> {
        let len = usize::from(self.byte()?);
        let bytes = self.take(len)?;
        ensure!(len <= size_of::<i64>(), "an integer of {len} bytes, expected at most 8");
        let sign = if bytes.last().is_some_and(|byte| *byte >= 0x80) { 0xff } else { 0 };
        let mut wide = [sign; size_of::<i64>()];
        wide[..len].copy_from_slice(bytes);
        self.push(Value::Int(i64::from_le_bytes(wide)));
        Ok(())
    }

    fn push(&mut self, value: Value<'a>) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    /// Pops a value, but none below a mark.
    fn pop(&mut self) -> Result<Id> {
        let bottom = self.marks.last().copied().unwrap_or(0);
        match self.stack.pop() {
            Some(id) if self.stack.len() >= bottom => Ok(id),
            _ => bail!("the stack is empty"),
        }
    }

    fn pop_many(&mut self, n: usize) -> Result<Vec<Id>> {
        let mut items = (0..n).map(|_| self.pop()).collect::<Result<Vec<_>>>()?;
        items.reverse();
        Ok(items)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>> {
        let Some(mark) = self.marks.pop() else { bail!("no mark on the stack") };
        Ok(self.stack.split_off(mark))
    }

    /// Returns the id of the value on top of the stack.
    fn top(&self) -> Result<Id> {
        match self.stack.last() {
            Some(id) => Ok(*id),
            None => bail!("the stack is empty"),
        }
    }

    fn append(&mut self, new: Vec<Id>) -> Result<()> {
        let top = self.top()?;
        let Value::List(items) = &mut self.values[top] else {
            bail!("an entry is added to a value that is no list")
        };
        items.extend(new);
        Ok(())
    }

    fn set_items(&mut self, new: &[Id]) -> Result<()> {
        ensure!(new.len().is_multiple_of(2), "a key without a value");
        let top = self.top()?;
        let Value::Dict(items) = &mut self.values[top] else {
            bail!("an entry is added to a value that is no dict")
        };
        items.extend(new.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        Ok(())
    }

    fn memoize(&mut self, index: u32) -> Result<()> {
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, index: u32) -> Result<()> {
        let Some(id) = self.memo.get(&index) else { bail!("the memo has no value {index}") };
        self.stack.push(*id);
        Ok(())
    }

    fn stack_global(&mut self) -> Result<()> {
        let names = self.pop_many(2)?;
        let [Value::Str(module), Value::Str(name)] = [0, 1].map(|i| &self.values[names[i]]) else {
            bail!("the name of a global is no text")
        };
        let global = Global::named(module, name)?;
        self.push(Value::Global(global));
        Ok(())
    }

    /// Reads a reference to a storage, `('storage', type, key, device, len)`.
    fn storage(&mut self) -> Result<()> {
        let id = self.pop()?;
        let Value::Tuple(parts) = &self.values[id] else {
            bail!("a reference to something other than a storage")
        };
        let parts: Vec<&Value<'a>> = parts.iter().map(|id| &self.values[*id]).collect();
        let [
            Value::Str("storage"),
            Value::Global(Global::Storage(dtype)),
            Value::Str(key),
            Value::Str(_),
            Value::Int(len),
        ] = parts[..]
        else {
            bail!("a reference to something other than a storage")
        };
        let Ok(len) = usize::try_from(*len) else { bail!("a storage of {len} numbers") };
        let storage = Storage { dtype: *dtype, key, len };
        self.push(Value::Storage(storage));
        Ok(())
    }

    fn call(&mut self) -> Result<()> {
        let ids = self.pop_many(2)?;
        let [Value::Global(global), Value::Tuple(arguments)] = [0, 1].map(|i| &self.values[ids[i]])
        else {
            bail!("a call of a value that is no function")
        };
        match global {
            Global::OrderedDict if arguments.is_empty() => self.push(Value::Dict(Vec::new())),
            Global::RebuildTensor => {
                let view = self.view(arguments)?;
                self.push(Value::Tensor(view));
            }
            // Arguments: the tensor, `requires_grad`, hooks.
            Global::RebuildParameter if arguments.len() == 3 => self.stack.push(arguments[0]),
            _ => bail!("a call with {} arguments, as no state dict has", arguments.len()),
        }
        Ok(())
    }

    /// Returns the tensor of a call with storage, offset, shape and strides, and then
    /// `requires_grad`, hooks and metadata, which do not matter here.
    fn view(&self, arguments: &[Id]) -> Result<View<'a>> {
        let [storage, offset, shape, strides, ..] = arguments else {
            bail!("a tensor of {} arguments", arguments.len())
        };
        let Value::Storage(storage) = &self.values[*storage] else {
            bail!("a tensor without a storage")
        };
        Ok(View {
            storage: storage.clone(),
            offset: self.size(*offset)?,
            shape: self.sizes(*shape)?,
            strides: self.sizes(*strides)?,
        })
    }

    /// Returns the sizes of a tuple: of the ones past [`MAX_AXES`] only the first, since a tensor
    /// that has it is refused.
    fn sizes(&self, id: Id) -> Result<Vec<usize>> {
        let Value::Tuple(items) = &self.values[id] else {
            bail!("the shape of a tensor is no tuple")
        };
        items.iter().take(MAX_AXES + 1).map(|id| self.size(*id)).collect()
    }

    fn size(&self, id: Id) -> Result<usize> {
        let Value::Int(size) = &self.values[id] else { bail!("a size that is no integer") };
        match usize::try_from(*size) {
            Ok(size) => Ok(size),
            Err(_) => bail!("a size of {size}"),
        }
    }

    /// Drops attributes of a dict, such as the `_metadata` of a state dict.
    fn build(&mut self) -> Result<()> {
        self.pop()?;
        let is_dict = matches!(self.values[self.top()?], Value::Dict(_));
        ensure!(is_dict, "attributes are set on a value that is no dict");
        Ok(())
    }
}

impl Global {
    fn named(module: &str, name: &str) -> Result<Self> {
        Ok(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch", "BFloat16Storage") => Self::Storage(Dtype::BF16),
            ("torch", "HalfStorage") => Self::Storage(Dtype::F16),
            ("torch", "FloatStorage") => Self::Storage(Dtype::F32),
            ("torch", "DoubleStorage") => Self::Storage(Dtype::F64),
            ("torch", "LongStorage") => Self::Storage(Dtype::I64),
            ("torch", "IntStorage") => Self::Storage(Dtype::I32),
            ("torch", "ShortStorage") => Self::Storage(Dtype::I16),
            ("torch", "CharStorage") => Self::Storage(Dtype::I8),
            ("torch", "ByteStorage") => Self::Storage(Dtype::U8),
            ("torch", "BoolStorage") => Self::Storage(Dtype::BOOL),
            _ => return Err(Fault::ForeignGlobal(format!("{module}.{name}"))),
        })
    }
}

fn utf8(bytes: &[u8]) -> Result<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => bail!("a text is not UTF-8 ({error})"),
    }
}
