import Foundation
import NIOCore
import NIOHTTP1

/// Answers one connection's requests as their models' names script it, and bills what it sends.
final class ProviderHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let bill: Bill
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()
    private var gone = false

    init(bill: Bill) { self.bill = bill }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body.clear()
        case .body(var bytes): body.writeBuffer(&bytes)
        case .end: if let head { answer(head, context) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) { gone = true }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        switch (head.method, head.uri) {
        case (.GET, "/bill"): send(200, bill.json, context)
        case (.DELETE, "/bill"):
            bill.clear()
            send(200, Data("{}".utf8), context)
        case (.GET, "/health"): send(200, Data("{}".utf8), context)
        case (.POST, "/v1/chat/completions"): work(head, context, chat)
        case (.POST, "/v1/messages"):
            guard head.headers.contains(name: "x-api-key"), head.headers.contains(name: "anthropic-version") else {
                let error = AnthropicAnswers(script: Script(model: "script:status=401"), id: "").error
                return send(401, Data(error.utf8), context)
            }
            work(head, context, chat)
        case (.POST, "/v1/completions"): work(head, context, completion)
        case (.POST, "/v1/embeddings"): work(head, context, embedding)
        case (.POST, "/v1/images/generations"): work(head, context, image)
        default: send(404, Data("{\"error\":{\"message\":\"unknown path\"}}".utf8), context)
        }
    }

    /// A request with the time at which to answer it.
    private struct Job {
        let request: ProviderRequest
        let script: Script
        let id: String
        /// Whether it came in Anthropic's format.
        let isAnthropic: Bool
        let created = Int(Date().timeIntervalSince1970)

        var streams: Bool { request.stream ?? false }
        var wantsUsage: Bool { request.stream_options?.include_usage ?? false }
        var answers: any Answers {
            isAnthropic
                ? AnthropicAnswers(script: script, id: id) : Chunks(script: script, id: id, created: created)
        }
    }

    private func work(
        _ head: HTTPRequestHead, _ context: ChannelHandlerContext,
        _ answer: @escaping (Job, ChannelHandlerContext) -> Void
    ) {
        let bytes = Data(body.readableBytesView)
        guard let request = try? JSONDecoder().decode(ProviderRequest.self, from: bytes) else {
            return send(400, Data("{\"error\":{\"message\":\"bad request\"}}".utf8), context)
        }
        let id = head.headers.first(name: "x-request-id") ?? UUID().uuidString
        let job = Job(
            request: request, script: Script(model: request.model), id: id, isAnthropic: head.uri == "/v1/messages")
        bill.received(id: id, model: request.model, stream: job.streams, body: String(decoding: bytes, as: UTF8.self))
        if job.script.runsOn, job.script.status == 200 {
            charge(id, job.script, output: job.script.completionTokens(limit: request.outputLimit), complete: false)
        }
        if job.script.hangAfter == 0 { return }
        let box = NIOLoopBound((self, context, answer), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(job.script.firstMs)) {
            let (me, context, answer) = box.value
            guard !me.gone else { return }
            if job.script.status != 200 { return me.refuse(job, context) }
            answer(job, context)
        }
    }

    private func chat(_ job: Job, _ context: ChannelHandlerContext) {
        let script = job.script
        let tokens = script.completionTokens(limit: job.request.outputLimit)
        let chunks = job.answers
        if job.streams { return stream(chunks, tokens, job.id, wantsUsage: job.wantsUsage, context) }
        charge(job.id, script, output: tokens, complete: script.cutAfter == nil)
        if script.cutAfter != nil { return context.close(promise: nil) }
        send(200, Data(chunks.answer(tokens).utf8), context)
    }

    private func completion(_ job: Job, _ context: ChannelHandlerContext) {
        let texts = Completions(script: job.script, request: job.request, id: job.id, created: job.created)
        charge(job.id, input: texts.promptTokens, output: texts.outputTokens)
        guard job.streams else { return send(200, Data(texts.answer.utf8), context) }
        startStream(context)
        for data in texts.events(wantsUsage: job.wantsUsage) { event(data, context) }
        event("[DONE]", context)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    private func embedding(_ job: Job, _ context: ChannelHandlerContext) {
        let embeddings = Embeddings(script: job.script, request: job.request)
        charge(job.id, input: embeddings.promptTokens, output: 0)
        send(200, Data(embeddings.answer.utf8), context)
    }

    private func image(_ job: Job, _ context: ChannelHandlerContext) {
        let images = Images(script: job.script, request: job.request)
        charge(job.id, input: job.script.promptTokens, output: images.outputTokens)
        bill.change(job.id) { $0.images = images.count }
        send(200, Data(images.answer(created: job.created).utf8), context)
    }

    private func charge(_ id: String, input: Int, output: Int) {
        bill.change(id) { entry in
            entry.input = input
            entry.output = output
            entry.complete = true
        }
    }

    private func charge(_ id: String, _ script: Script, output: Int, complete: Bool) {
        bill.change(id) { entry in
            entry.input = script.promptTokens - script.cachedTokens
            entry.cached = script.cachedTokens
            entry.reasoning = min(script.reasoningTokens, output)
            entry.output = output - entry.reasoning
            entry.complete = complete
            entry.status = 200
        }
    }

    private func refuse(_ job: Job, _ context: ChannelHandlerContext) {
        let script = job.script
        bill.change(job.id) { $0.status = script.status }
        var headers: HTTPHeaders = ["content-type": "application/json"]
        if let seconds = script.retryAfter { headers.add(name: "retry-after", value: String(seconds)) }
        send(script.status, Data(job.answers.error.utf8), context, headers: headers)
    }

    private func stream(
        _ chunks: any Answers, _ tokens: Int, _ id: String, wantsUsage: Bool, _ context: ChannelHandlerContext
    ) {
        startStream(context)
        for event in chunks.opening() { write(event, context) }
        next(0, of: tokens, chunks, id, wantsUsage, context)
    }

    private func startStream(_ context: ChannelHandlerContext) {
        let headers: HTTPHeaders = ["content-type": "text/event-stream"]
        context.write(wrapOutboundOut(.head(.init(version: .http1_1, status: .ok, headers: headers))), promise: nil)
    }

    private func next(
        _ at: Int, of tokens: Int, _ chunks: any Answers, _ id: String, _ wantsUsage: Bool,
        _ context: ChannelHandlerContext
    ) {
        let script = chunks.script
        guard !gone else { return }
        if script.cutAfter == at {
            context.close(promise: nil)
            return
        }
        if script.hangAfter == at { return }
        if script.errorAfter == at { return write(chunks.errorEvent, context) }
        guard at < tokens else { return finish(tokens, chunks, id, wantsUsage, context) }
        if !script.runsOn { charge(id, script, output: at + 1, complete: false) }
        if !script.hidesReasoning || at >= script.reasoningTokens { write(chunks.content(at), context) }
        let box = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(script.gapMs)) {
            box.value.0.next(at + 1, of: tokens, chunks, id, wantsUsage, box.value.1)
        }
    }

    private func finish(
        _ tokens: Int, _ chunks: any Answers, _ id: String, _ wantsUsage: Bool, _ context: ChannelHandlerContext
    ) {
        charge(id, chunks.script, output: tokens, complete: true)
        for event in chunks.closing(tokens, wantsUsage: wantsUsage) { write(event, context) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    private func event(_ json: String, _ context: ChannelHandlerContext) { write("data: \(json)\n\n", context) }

    /// A whole event.
    private func write(_ text: String, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
    }

    private func send(
        _ status: Int, _ data: Data, _ context: ChannelHandlerContext,
        headers: HTTPHeaders = ["content-type": "application/json"]
    ) {
        var headers = headers
        headers.add(name: "content-length", value: String(data.count))
        context.write(
            wrapOutboundOut(.head(.init(version: .http1_1, status: .init(statusCode: status), headers: headers))),
            promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: data)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
