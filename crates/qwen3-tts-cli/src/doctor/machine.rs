//! The processor, the memory, the cache of models, and the devices.

use std::num::NonZero;
use std::path::PathBuf;

use qwen3_tts_kernels::{Context, Isa};
use qwen3_tts_pipeline::{DeviceKind, Hub, ModelFiles};
use serde::Serialize;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// The machine, as far as the system describes it.
#[derive(Serialize)]
pub struct Machine {
    pub cpu: Cpu,
    pub instruction_set: InstructionSet,
    /// `None` if the system does not tell.
    pub memory: Option<Memory>,
    pub cache: Cache,
    pub devices: Vec<Device>,
}

#[derive(Serialize)]
pub struct Cpu {
    /// `None` if the system does not tell.
    pub name: Option<String>,
    /// Number of cores that this process may use.
    pub cores: usize,
    /// Features that the kernels can use.
    pub features: Vec<&'static str>,
}

#[derive(Serialize)]
pub struct InstructionSet {
    pub name: &'static str,
    pub reason: String,
}

/// Sizes in bytes.
#[derive(Serialize)]
pub struct Memory {
    pub total: u64,
    pub available: u64,
}

#[derive(Serialize)]
pub struct Cache {
    pub directory: PathBuf,
    /// Complete models of this kind.
    pub models: Vec<Model>,
    /// Number of other models in the cache, which may be incomplete or of another kind.
    pub others: usize,
}

#[derive(Serialize)]
pub struct Model {
    pub id: String,
    pub bytes: u64,
}

#[derive(Serialize)]
pub struct Device {
    pub name: &'static str,
    /// Reason that the device cannot be used; `None` if it can.
    pub missing: Option<String>,
}

impl Machine {
    pub fn examine(context: &Context) -> Self {
        let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(memory.with_cpu(CpuRefreshKind::nothing()));
        Self {
            cpu: Cpu::of(&system),
            instruction_set: InstructionSet::of(context.isa()),
            memory: Memory::of(&system),
            cache: Cache::of(&Hub::from_env()),
            devices: [DeviceKind::Cpu, DeviceKind::Mlx].map(Device::of).into(),
        }
    }

    /// Returns the memory that is available in bytes, if the system tells.
    pub fn available_memory(&self) -> Option<u64> {
        self.memory.as_ref().map(|memory| memory.available)
    }
}

impl Cpu {
    fn of(system: &System) -> Self {
        let name = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned());
        let features = Isa::features().into_iter().filter(|(_, has)| *has);
        Self {
            name: name.filter(|name| !name.is_empty()),
            cores: std::thread::available_parallelism().map_or(1, NonZero::get),
            features: features.map(|(name, _)| name).collect(),
        }
    }
}

impl InstructionSet {
    fn of(used: Isa) -> Self {
        let wanted = std::env::var_os("QWEN3_TTS_ISA");
        let wanted = wanted.map(|wanted| wanted.to_string_lossy().into_owned());
        Self { name: used.name(), reason: reason(used, wanted.as_deref()) }
    }
}

/// Returns the reason for an instruction set, given the value of `QWEN3_TTS_ISA`.
fn reason(used: Isa, wanted: Option<&str>) -> String {
    let names =
        |sets: &mut dyn Iterator<Item = Isa>| sets.map(Isa::name).collect::<Vec<_>>().join(", ");
    match wanted {
        None => "the best of this CPU".to_owned(),
        Some(wanted) if wanted == used.name() => "chosen by QWEN3_TTS_ISA".to_owned(),
        Some(wanted) => format!(
            "the best of this CPU; QWEN3_TTS_ISA={wanted} is ignored: expected one of {}",
            names(&mut Isa::available())
        ),
    }
}

impl Memory {
    /// Returns the memory of the machine, or of the container if that has less.
    fn of(system: &System) -> Option<Self> {
        let (total, available) = (system.total_memory(), system.available_memory());
        let (total, available) = match system.cgroup_limits() {
            Some(limit) if limit.total_memory > 0 && limit.total_memory < total => {
                (limit.total_memory, limit.free_memory.min(available))
            }
            _ => (total, available),
        };
        (total > 0).then_some(Self { total, available })
    }
}

impl Cache {
    fn of(hub: &Hub) -> Self {
        let all = hub.models();
        let models: Vec<_> = all.iter().filter_map(|id| Model::of(hub, id)).collect();
        let others = all.len() - models.len();
        Self { directory: hub.cache.clone(), models, others }
    }

    /// Returns the size of the models in bytes.
    pub fn bytes(&self) -> u64 {
        self.models.iter().map(|model| model.bytes).sum()
    }
}

impl Model {
    fn of(hub: &Hub, id: &str) -> Option<Self> {
        let files = ModelFiles::directory(hub.find(id).ok()??);
        let bytes = files.sizes().into_iter().map(|(_, bytes)| bytes).sum();
        Some(Self { id: id.to_owned(), bytes })
    }
}

impl Device {
    fn of(kind: DeviceKind) -> Self {
        Self { name: kind.name(), missing: kind.check().err().map(|error| error.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_names_the_variable_if_it_is_set() {
        let portable = Isa::Portable;
        assert_eq!(reason(portable, None), "the best of this CPU");
        assert_eq!(reason(portable, Some("portable")), "chosen by QWEN3_TTS_ISA");
        let ignored = reason(Isa::detect(), Some("mmx"));
        assert!(ignored.contains("QWEN3_TTS_ISA=mmx is ignored: expected one of portable"));
    }
}
