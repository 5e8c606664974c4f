//! Workloads: how many pods, and the template's containers.

use super::super::read::{Path, Reader};
use super::super::workload::WorkloadKind;
use super::{check_not_negative, check_word, container, field};
use crate::diagnostic::Code;
use crate::tree::Node;

/// Checks a workload's `spec`. What kinds of others ask is for their controllers to say; that their
/// pods have containers as all pods have is known.
pub fn check(reader: &mut Reader, kind: WorkloadKind, path: &Path<'_>, spec: &Node<'_>) {
    let job = path.field("jobTemplate");
    let job_spec = job.field("spec");
    match kind {
        kind if kind.is_machine() => {}
        WorkloadKind::CronJob => {
            let job = field(spec, "jobTemplate").and_then(|job| field(job, "spec"));
            if let Some(spec) = job {
                check_spec(reader, kind, &job_spec, spec);
            }
        }
        _ => check_spec(reader, kind, path, spec),
    }
}

fn check_spec(reader: &mut Reader, kind: WorkloadKind, path: &Path<'_>, spec: &Node<'_>) {
    let counts: &[&str] = match kind {
        WorkloadKind::Job | WorkloadKind::CronJob => &["parallelism", "completions"],
        WorkloadKind::DaemonSet => &[],
        _ => &["replicas"],
    };
    for count in counts {
        check_not_negative(reader, &path.field(count), spec);
    }
    if let Some(ordinals) = field(spec, "ordinals") {
        let path = path.field("ordinals");
        check_not_negative(reader, &path.field("start"), ordinals);
    }
    let is_job = matches!(kind, WorkloadKind::Job | WorkloadKind::CronJob);
    if is_job {
        let modes = (&["Indexed", "NonIndexed"][..], Code::UnknownWord);
        check_word(reader, &path.field("completionMode"), spec, modes);
    }
    let Some(pod) = field(spec, "template").and_then(|template| field(template, "spec")) else {
        return;
    };
    let path = path.field("template");
    let path = path.field("spec");
    let restarts: &[&str] = if is_job { &["Never", "OnFailure"] } else { &["Always"] };
    if kind.is_of_kubernetes() {
        let restarts = (restarts, Code::UnknownWord);
        check_word(reader, &path.field("restartPolicy"), pod, restarts);
    }
    container::check_spec(reader, &path, pod);
}
