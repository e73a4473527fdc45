// dcmjs-dimse under Node, as its documentation shows. It is its own driver: see driver.py.
//
//   node with_dcmjs.js JOB.json

'use strict';

const fs = require('fs');
const path = require('path');
const readline = require('readline');
const { Client, Dataset, constants, log, requests, responses } = require('dcmjs-dimse');

log.setLevel('error');

const PENDING = constants.Status.Pending;
const SUCCESS = constants.Status.Success;
const job = JSON.parse(fs.readFileSync(process.argv[2]));

// One association with these requests; resolves when it is closed.
function exchange(toSend, prepare = () => {}) {
  return new Promise((resolve, reject) => {
    const client = new Client();
    toSend.forEach((request) => client.addRequest(request));
    client.on('networkError', reject);
    client.on('associationRejected', () => reject(new Error('no association')));
    client.on('closed', resolve);
    prepare(client);
    client.send(job.host, job.port, 'BENCH', job.called_ae, {
      securityOptions: job.ca ? { ca: fs.readFileSync(job.ca), servername: job.host } : undefined,
    });
  });
}

function counted(request, succeeded) {
  request.on('response', (response) => {
    if (response.getStatus() === SUCCESS) succeeded();
  });
  return request;
}

const actions = {
  async store() {
    let done = 0;
    await exchange(job.paths.map((each) => counted(new requests.CStoreRequest(each), () => done++)));
    return done;
  },

  async find() {
    let done = 0;
    const keys = Object.fromEntries(job.keys.map((keyword) => [keyword, '']));
    const request = requests.CFindRequest.createStudyFindRequest(keys);
    request.on('response', (response) => {
      if (response.getStatus() === PENDING && response.getDataset().getElement('PatientID')) done++;
    });
    await exchange([request]);
    return done;
  },

  async get() {
    let done = 0;
    const request = requests.CGetRequest.createStudyGetRequest(job.study_uid);
    request.on('response', (response) => {
      if (response.getStatus() === SUCCESS) done = response.getCompleted();
    });
    await exchange([request], (client) => {
      client.on('cStoreRequest', (store, callback) => {
        const file = path.join(job.target, `${store.getAffectedSopInstanceUid()}.dcm`);
        store.getDataset().toFile(file);
        const response = responses.CStoreResponse.fromRequest(store);
        response.setStatus(SUCCESS);
        callback(response);
      });
    });
    return done;
  },

  async echo() {
    let done = 0;
    const echoes = Array.from({ length: job.count }, () => new requests.CEchoRequest());
    await exchange(echoes.map((request) => counted(request, () => done++)));
    return done;
  },

  async associate() {
    let done = 0;
    for (let number = 0; number < job.count; number++) {
      await exchange([counted(new requests.CEchoRequest(), () => done++)]);
    }
    return done;
  },
};

function peakMemory() {
  const status = '/proc/self/status';
  if (fs.existsSync(status)) {
    return Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync(status, 'utf8'))[1]) * 1024;
  }
  return process.resourceUsage().maxRSS * 1024;
}

async function main() {
  const input = readline.createInterface({ input: process.stdin });
  process.stdout.write('READY\n');
  await new Promise((resolve) => input.once('line', resolve));
  input.close();
  const begun = process.hrtime.bigint();
  const done = await actions[job.action]();
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
  const peak = peakMemory();
  process.stdout.write(`${JSON.stringify({ seconds, done, peak })}\n`, () => process.exit(0));
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
