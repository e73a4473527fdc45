// dcmjs-dimse as a peer that answers out of order, and says on stdout what it got.
//
//   node server.js '{"port": 11112, "window": 8, "delay": 20, ...}'
//
// port:     its TCP port on loopback
// window:   how many operations it takes at once, if the client negotiates that
// delay:    every answer waits up to so many milliseconds, each its own time
// users:    {"name": "passcode"}: who may come in; nobody is asked for if there are none
// answer:   what it answers to a user who is let in and wants an answer
//
// Each line of its output is a JSON object with an "event" beside what it tells.

'use strict';

const { Dataset, Scp, Server, constants, log, responses } = require('dcmjs-dimse');
const { PresentationContextResult, RejectReason, RejectResult, RejectSource } = constants;
const { Status, TransferSyntax, UserIdentityType } = constants;

const options = { window: 1, delay: 0, users: {}, answer: '', ...JSON.parse(process.argv[2]) };
const MATCHES = 3;

// Its warnings too, but not what each message says.
log.setLevel('warn');

function tell(event, what) {
  process.stdout.write(`${JSON.stringify({ event, ...what })}\n`);
}

function later(action) {
  setTimeout(action, Math.random() * options.delay);
}

class Peer extends Scp {
  constructor(socket, opts) {
    super(socket, opts);
    this.open = 0;
    this.mostOpen = 0;
  }

  associationRequested(association) {
    this.association = association;
    if (association.getNegotiateUserIdentity() && !this.letIn(association)) {
      this.sendAssociationReject(
        RejectResult.Permanent,
        RejectSource.ServiceUser,
        RejectReason.CallingAeNotRecognized
      );
      return;
    }
    if (association.getNegotiateAsyncOps()) {
      tell('window', {
        invoked: association.getMaxAsyncOpsInvoked(),
        performed: association.getMaxAsyncOpsPerformed(),
      });
      const offered = association.getMaxAsyncOpsInvoked();
      const taken = offered === 0 ? options.window : Math.min(offered, options.window);
      association.setMaxAsyncOpsInvoked(taken);
    }
    const wanted = [TransferSyntax.ExplicitVRLittleEndian, TransferSyntax.ImplicitVRLittleEndian];
    for (const { id } of association.getPresentationContexts()) {
      const context = association.getPresentationContext(id);
      const syntax = wanted.find((uid) => context.hasTransferSyntaxUid(uid));
      if (syntax) {
        context.setResult(PresentationContextResult.Accept, syntax);
      } else {
        context.setResult(PresentationContextResult.RejectTransferSyntaxesNotSupported);
      }
    }
    this.sendAssociationAccept();
  }

  letIn(association) {
    const identity = {
      type: association.getUserIdentityType(),
      primary: association.getUserIdentityPrimaryField(),
      secondary: association.getUserIdentitySecondaryField(),
      positiveResponse: association.getUserIdentityPositiveResponseRequested(),
    };
    tell('identity', identity);
    if (Object.keys(options.users).length > 0) {
      if (!(identity.primary in options.users)) {
        return false;
      }
      if (
        identity.type === UserIdentityType.UsernameAndPasscode &&
        options.users[identity.primary] !== identity.secondary
      ) {
        return false;
      }
    }
    if (identity.positiveResponse) {
      association.setUserIdentityServerResponse(options.answer);
      association.setNegotiateUserIdentityServerResponse(true);
    }
    return true;
  }

  cEchoRequest(request, callback) {
    this.answerLater(() => {
      const response = responses.CEchoResponse.fromRequest(request);
      response.setStatus(Status.Success);
      callback(response);
    });
  }

  // The status says which instance it answers: B000H and the instance number.
  cStoreRequest(request, callback) {
    const number = Number(request.getDataset().getElement('InstanceNumber'));
    this.answerLater(() => {
      const response = responses.CStoreResponse.fromRequest(request);
      response.setStatus(0xb000 + number);
      callback(response);
    });
  }

  // Each match comes at a time of its own, between those of other queries.
  cFindRequest(request, callback) {
    const asked = request.getDataset().getElement('PatientID');
    let number = 0;
    const next = () => {
      const response = responses.CFindResponse.fromRequest(request);
      if (number < MATCHES) {
        number += 1;
        response.setStatus(Status.Pending);
        response.setDataset(new Dataset({ PatientID: asked, InstanceNumber: String(number) }));
        this.sendPending(request, response);
        later(next);
      } else {
        this.closeOne();
        response.setStatus(Status.Success);
        callback(response);
      }
    };
    this.openOne();
    later(next);
  }

  // The callback takes all responses at once and only once, which leaves this.
  sendPending(request, response) {
    const context = this.association.getAcceptedPresentationContextFromRequest(request);
    this._sendDimse({ context, command: response });
  }

  answerLater(answer) {
    this.openOne();
    later(() => {
      this.closeOne();
      answer();
    });
  }

  openOne() {
    this.open += 1;
    this.mostOpen = Math.max(this.mostOpen, this.open);
  }

  closeOne() {
    this.open -= 1;
  }

  associationReleaseRequested() {
    tell('released', { mostOpen: this.mostOpen });
    this.sendAssociationReleaseResponse();
  }
}

const server = new Server(Peer);
server.on('networkError', (error) => tell('error', { message: error.message }));
server.listen({ port: options.port, host: '127.0.0.1' });
