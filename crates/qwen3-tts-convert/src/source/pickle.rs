//! A reader of pickles that runs no code: it knows the opcodes and the globals that PyTorch writes
//! for a state dict, and refuses all others by name.
//!
//! Values lie in one list and name each other by their place in it. So however deeply a pickle
//! nests, and whether or not it goes in circles, reading and dropping it takes no recursion, and no
//! more memory than its length allows.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use safetensors::Dtype;

/// The place of a value.
pub type Id = usize;

/// A value that a pickle makes.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// None, a boolean or a float: nothing that a tensor is made of.
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

/// What a pickle may name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Dtype),
}

/// A run of numbers beside the pickle.
#[derive(Clone, Debug)]
pub struct Storage<'a> {
    /// The type of its numbers.
    pub dtype: Dtype,
    /// Its name in the archive.
    pub key: &'a str,
    /// How many numbers it has.
    pub len: usize,
}

/// A tensor: where in a storage its numbers are.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// The storage.
    pub storage: Storage<'a>,
    /// The number that it begins with.
    pub offset: usize,
    /// The size of each axis.
    pub shape: Vec<usize>,
    /// Numbers from one entry of an axis to the next.
    pub strides: Vec<usize>,
}

/// What a pickle holds.
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
            let step = machine.step().with_context(|| format!("its pickle, at byte {at}"))?;
            if let Some(root) = step {
                return Ok(Self { values: machine.values, root });
            }
        }
    }

    /// The value that it is of.
    pub fn root(&self) -> &Value<'a> {
        self.get(self.root)
    }

    /// Another value.
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
    /// Heights of the stack that were marked.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl<'a> Machine<'a> {
    /// Takes one opcode; gives the root at the end.
    fn step(&mut self) -> Result<Option<Id>> {
        match self.byte()? {
            // PROTO and FRAME say nothing that is needed.
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
            0x94 => self.memoize(u32::try_from(self.memo.len())?)?,
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
        ensure!(len <= rest.len(), "{len} bytes are wanted where {} are left", rest.len());
        self.at += len;
        Ok(&rest[..len])
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into()?)
    }

    fn line(&mut self) -> Result<&'a str> {
        let rest = &self.bytes[self.at..];
        let len = rest.iter().position(|byte| *byte == b'\n').context("a line without an end")?;
        let line = std::str::from_utf8(self.take(len)?)?;
        self.at += 1;
        Ok(line)
    }

    fn string(&mut self, len: usize) -> Result<()> {
        let text = std::str::from_utf8(self.take(len)?)?;
        self.push(Value::Str(text));
        Ok(())
    }

    /// An unsigned integer of a few bytes.
    fn int(&mut self, len: usize) -> Result<()> {
        let bytes = self.take(len)?;
        self.push(Value::Int(bytes.iter().rev().fold(0, |n, byte| n << 8 | i64::from(*byte))));
        Ok(())
    }

    /// A signed integer of as many bytes as the first one says.
    fn long(&mut self) -> Result<()> {
        let len = usize::from(self.byte()?);
        let bytes = self.take(len)?;
        ensure!(len <= size_of::<i64>(), "an integer of {len} bytes");
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

    /// Never below a mark.
    fn pop(&mut self) -> Result<Id> {
        let bottom = self.marks.last().copied().unwrap_or(0);
        ensure!(self.stack.len() > bottom, "the stack is empty");
        self.stack.pop().context("the stack is empty")
    }

    fn pop_many(&mut self, n: usize) -> Result<Vec<Id>> {
        let mut items = (0..n).map(|_| self.pop()).collect::<Result<Vec<_>>>()?;
        items.reverse();
        Ok(items)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().context("no mark")?;
        Ok(self.stack.split_off(mark))
    }

    /// The value on top of the stack.
    fn top(&mut self) -> Result<&mut Value<'a>> {
        let top = *self.stack.last().context("the stack is empty")?;
        Ok(&mut self.values[top])
    }

    fn append(&mut self, new: Vec<Id>) -> Result<()> {
        let Value::List(items) = self.top()? else { bail!("an entry of what is no list") };
        items.extend(new);
        Ok(())
    }

    fn set_items(&mut self, new: &[Id]) -> Result<()> {
        ensure!(new.len().is_multiple_of(2), "a key without a value");
        let Value::Dict(items) = self.top()? else { bail!("an entry of what is no dict") };
        items.extend(new.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        Ok(())
    }

    fn memoize(&mut self, index: u32) -> Result<()> {
        let top = *self.stack.last().context("the stack is empty")?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, index: u32) -> Result<()> {
        let id = self.memo.get(&index).with_context(|| format!("no value {index}"))?;
        self.stack.push(*id);
        Ok(())
    }

    fn stack_global(&mut self) -> Result<()> {
        let names = self.pop_many(2)?;
        let [Value::Str(module), Value::Str(name)] = [0, 1].map(|i| &self.values[names[i]]) else {
            bail!("a global whose name is no text")
        };
        let global = Global::named(module, name)?;
        self.push(Value::Global(global));
        Ok(())
    }

    /// A reference to what lies outside the pickle: `('storage', type, key, device, len)`.
    fn storage(&mut self) -> Result<()> {
        let id = self.pop()?;
        let Value::Tuple(parts) = &self.values[id] else { bail!("a reference to no storage") };
        let parts: Vec<&Value<'a>> = parts.iter().map(|id| &self.values[*id]).collect();
        let [
            Value::Str("storage"),
            Value::Global(Global::Storage(dtype)),
            Value::Str(key),
            Value::Str(_),
            Value::Int(len),
        ] = parts[..]
        else {
            bail!("a reference to no storage")
        };
        let len = usize::try_from(*len).context("the length of a storage")?;
        let storage = Storage { dtype: *dtype, key, len };
        self.push(Value::Storage(storage));
        Ok(())
    }

    fn call(&mut self) -> Result<()> {
        let ids = self.pop_many(2)?;
        let [Value::Global(global), Value::Tuple(arguments)] = [0, 1].map(|i| &self.values[ids[i]])
        else {
            bail!("a call of what is no function")
        };
        match global {
            Global::OrderedDict if arguments.is_empty() => self.push(Value::Dict(Vec::new())),
            Global::RebuildTensor => {
                let view = self.view(arguments)?;
                self.push(Value::Tensor(view));
            }
            // The tensor, whether it requires a gradient, hooks.
            Global::RebuildParameter if arguments.len() == 3 => self.stack.push(arguments[0]),
            other => bail!("a call of {other:?} with {} arguments", arguments.len()),
        }
        Ok(())
    }

    /// Storage, offset, shape, strides; whether it requires a gradient, hooks and metadata follow.
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

    fn sizes(&self, id: Id) -> Result<Vec<usize>> {
        let Value::Tuple(items) = &self.values[id] else { bail!("sizes that are no tuple") };
        items.iter().map(|id| self.size(*id)).collect()
    }

    fn size(&self, id: Id) -> Result<usize> {
        let Value::Int(size) = &self.values[id] else { bail!("a size that is no integer") };
        usize::try_from(*size).with_context(|| format!("a size of {size}"))
    }

    /// Attributes of a dict, such as the `_metadata` of a state dict, are of no use here.
    fn build(&mut self) -> Result<()> {
        self.pop()?;
        ensure!(matches!(self.top()?, Value::Dict(_)), "attributes of what is no dict");
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
            _ => bail!(
                "it names `{module}.{name}`, which no state dict needs; nothing of it was run: \
                 save the state dict alone, with torch.save(model.state_dict(), …)"
            ),
        })
    }
}
