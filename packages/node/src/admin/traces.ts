/**
 * Traces over OTLP, from the journal: a span for each step that this runner works on, and one for each operation that it leads. All runners
 * put what belongs to an operation into the same trace, whose id follows from the operation's, so that nothing has to be passed on.
 */
import crypto from "node:crypto"
import type { JournalEvent } from "@shardwright/core/Journal"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as OtlpExporter from "effect/observability/OtlpExporter"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as OtlpTracer from "effect/observability/OtlpTracer"

/** Where traces go. */
export interface TracesOptions {
  /** `http://host:4318/v1/traces` */
  readonly url: string
  readonly node: string
  readonly cluster: string
  /** How often spans that have ended are sent. Default: 5 s. */
  readonly interval?: Duration.Duration
}

/** Spans that are open at once, at most; of more the oldest are given up. Limits of the engine keep it far below. */
const openMax = 1000

const hex = (text: string, length: number): string =>
  crypto.createHash("sha256").update(text).digest("hex").slice(0, length)

const nowNs = (): bigint => BigInt(Date.now()) * 1_000_000n

type StepEvent = Extract<JournalEvent, { readonly kind: "step" }>
type OperationEvent = Extract<JournalEvent, { readonly kind: "operation" }>

/** How an operation's status ends its span: well, or not; undefined if it goes on. */
const endOf: Readonly<Partial<Record<OperationEvent["status"] | StepEvent["status"], boolean>>> = {
  completed: true,
  stopped: true,
  failed: false,
  critical_failure: false,
  done: true,
  undone: true,
  cancelled: true,
}

class Spans {
  readonly #tracer: Tracer.Tracer
  readonly #cluster: string
  readonly #open = new Map<string, Tracer.Span>()

  constructor(tracer: Tracer.Tracer, cluster: string) {
    this.#tracer = tracer
    this.#cluster = cluster
  }

  write(event: JournalEvent): void {
    if (event.kind === "step") {
      const key = `${event.operation}/${event.step}`
      const attributes = {
        "step.index": event.step,
        "step.undo": event.undo,
        "operation.term": event.term,
        ...(event.subject === null ? {} : { "step.subject": event.subject }),
      }
      this.#tell(key, event.stepKind, event, attributes)
    } else if (event.kind === "operation") {
      this.#tell(event.operation, `operation ${event.operationKind}`, event, { "operation.term": event.term })
    }
  }

  #tell(
    key: string,
    name: string,
    event: StepEvent | OperationEvent,
    attributes: Readonly<Record<string, unknown>>,
  ): void {
    const { detail, operation, status } = event
    const isWell = endOf[status]
    const span =
      this.#open.get(key) ?? (isWell === undefined ? this.#begin(key, name, operation, attributes) : undefined)
    if (span === undefined) return
    if (isWell === undefined) return span.event(status, nowNs(), detail === "" ? {} : { detail })
    this.#open.delete(key)
    if (detail !== "") span.attribute("detail", detail)
    span.end(nowNs(), isWell ? Exit.void : Exit.fail(new Error(`${status}: ${detail}`)))
  }

  #begin(key: string, name: string, operation: string, attributes: Readonly<Record<string, unknown>>): Tracer.Span {
    const id = `${this.#cluster} ${operation}`
    const span = this.#tracer.span({
      name,
      parent: Option.some(Tracer.externalSpan({ traceId: hex(id, 32), spanId: hex(`${id} root`, 16) })),
      annotations: Context.empty(),
      links: [],
      startTime: nowNs(),
      kind: "internal",
      root: false,
      sampled: true,
    })
    span.attribute("operation.id", operation)
    for (const [attribute, value] of Object.entries(attributes)) span.attribute(attribute, value)
    this.#open.set(key, span)
    const [oldest] = this.#open.keys()
    if (this.#open.size > openMax && oldest !== undefined) this.#open.delete(oldest)
    return span
  }
}

/** Sends traces until the scope ends. Answers what is to be told of the journal. */
export const openTraces = Effect.fnUntraced(function* ({ cluster, interval, node, url }: TracesOptions) {
  const tracer = yield* OtlpTracer.make({
    url,
    resource: { serviceName: "shardwright", attributes: { "shardwright.node": node, "shardwright.cluster": cluster } },
    ...(interval === undefined ? {} : { exportInterval: interval }),
  }).pipe(Effect.provide(Layer.mergeAll(OtlpSerialization.layerJson, FetchHttpClient.layer, OtlpExporter.layerFlusher)))
  const spans = new Spans(tracer, cluster)
  return (event: JournalEvent): void => spans.write(event)
})
