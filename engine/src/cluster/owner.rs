//! From a pod upwards to what it belongs to.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::manifest::{Body, LabelList, Object, Owner, Workload};

/// Namespace, kind and name of a workload.
pub type WorkloadKey = (Arc<str>, Arc<str>, Arc<str>);

/// Workload objects of the input by namespace, kind and name.
#[derive(Debug, Default)]
pub struct Owners {
    objects: FxHashMap<WorkloadKey, Arc<Object>>,
}

impl Owners {
    /// Adds a workload object.
    pub fn insert(&mut self, namespace: &Arc<str>, object: &Arc<Object>) {
        let key = (namespace.clone(), object.kind().into(), object.meta.name.clone());
        self.objects.insert(key, object.clone());
    }

    /// A workload object.
    pub fn get(&self, key: &WorkloadKey) -> Option<&Arc<Object>> {
        self.objects.get(key)
    }

    /// The workload that has a workload's template; none if it is not in the input, or has none of
    /// its own.
    pub fn template_of<'w>(
        &'w self,
        namespace: &Arc<str>,
        workload: &'w Workload,
    ) -> Option<&'w Workload> {
        let Some(Owner { kind, name }) = &workload.template_of else { return Some(workload) };
        let key = (namespace.clone(), kind.clone(), name.clone());
        match &self.get(&key)?.body {
            Body::Workload(other) => Some(other).filter(|other| other.template_of.is_none()),
            _ => None,
        }
    }

    /// The topmost owner that the input names, following `ownerReferences` upwards.
    pub fn root(&self, namespace: &Arc<str>, object: &Arc<Object>) -> WorkloadKey {
        // Real chains have three links; hostile ones may be circular.
        const LONGEST: usize = 8;
        let mut key = (namespace.clone(), Arc::from(object.kind()), object.meta.name.clone());
        let mut owner = object.meta.owner.as_ref();
        for _ in 0..LONGEST {
            let Some(Owner { kind, name }) = owner else {
                break;
            };
            // A static pod's owner is its node, which is no workload.
            if &**kind == "Node" {
                break;
            }
            key = (namespace.clone(), kind.clone(), name.clone());
            owner = self.objects.get(&key).and_then(|object| object.meta.owner.as_ref());
        }
        self.beyond(key, &object.meta.labels)
    }

    /// The owner of an owner that is not in the input, where its name tells: ReplicaSets of
    /// Deployments and Rollouts are called after these and the hash of their template, Jobs of
    /// CronJobs after these and their time. Dumps of `kubectl get deploy,pod` have none of them.
    fn beyond(&self, key: WorkloadKey, labels: &LabelList) -> WorkloadKey {
        let (namespace, kind, name) = &key;
        let value = |key: &str| labels.iter().find(|(known, _)| **known == *key).map(|(_, v)| &**v);
        let named =
            |(kind, name): (&str, &str)| (namespace.clone(), Arc::from(kind), Arc::from(name));
        // Machines of a pool are numbered.
        let of_pool = || {
            let (pool, number) = name.rsplit_once('-')?;
            number.parse::<u32>().is_ok().then_some(("VirtualMachinePool", pool))
        };
        let without = |end: &str| name.strip_suffix(end)?.strip_suffix('-');
        let owner = match &**kind {
            _ if self.objects.contains_key(&key) => None,
            "ReplicaSet" => {
                let of = |label, kind| Some((kind, without(value(label)?)?));
                let rollout = of("rollouts-pod-template-hash", "Rollout");
                rollout.or_else(|| of("pod-template-hash", "Deployment"))
            }
            "ReplicationController" => value("deploymentconfig").map(|n| ("DeploymentConfig", n)),
            "VirtualMachine" => of_pool(),
            // A machine's instance is called as it is.
            "VirtualMachineInstance" => {
                let machine = ("VirtualMachine", &**name);
                let is_there = self.objects.contains_key(&named(machine));
                if is_there { Some(machine) } else { of_pool() }
            }
            "Job" => {
                let parts = name.rsplit_once('-');
                let timed = parts.filter(|(_, time)| is_minute(time));
                timed.map(|(name, _)| ("CronJob", name))
            }
            _ => None,
        };
        let owner = owner.map(named);
        owner.filter(|owner| self.objects.contains_key(owner)).unwrap_or(key)
    }
}

/// Whether the end of a Job's name is the minute for which a CronJob made it: minutes since 1970,
/// which have had eight digits since 1989.
fn is_minute(text: &str) -> bool {
    const FEWEST: usize = 8;
    text.len() >= FEWEST && text.bytes().all(|byte| byte.is_ascii_digit())
}
