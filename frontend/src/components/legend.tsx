// How to read the board, with the formulas.
import { GroupBadge } from "./group-badge";

export const Legend = () => (
  <section aria-labelledby="reading">
    <h2 id="reading">How to read the board</h2>
    <dl class="legend">
      <dt>Retention deviation ↓</dt>
      <dd>
        <span class="formula">|RR − 1| + |FR − 1| + |TR − 1|</span>, where RR, FR and TR are the accuracies on
        retain, forget and test set divided by the retrained model's. 0 is best.
      </dd>
      <dt>Indiscernibility ↑</dt>
      <dd>
        <span class="formula">1 − |2·MIA − 1|</span>, where MIA is the accuracy with which the attack U-MIA
        tells the forget set from the test set by the loss. 1 means that this attack does not tell them apart;
        it is no guarantee that nothing can.
      </dd>
      <dt>Groups</dt>
      <dd>
        In each setting Ward clustering of the means over model seeds gives <GroupBadge group="G1" /> the
        best, <GroupBadge group="G2" /> the middle and <GroupBadge group="G3" /> the worst group;{" "}
        <GroupBadge group="F" /> has fewer usable models than the protocol asks for.
      </dd>
      <dt>Rank</dt>
      <dd>
        Dense, by the number of settings in G1, then in G2, then in G3. An unlearner of which models are still
        missing is provisional and has no rank.
      </dd>
      <dt>95 % and letters</dt>
      <dd>
        Where the rank lies in 95 % of the draws when the model seeds are drawn again, the same for all rows.
        Two rows are not distinguishable, and share a raised letter, where neither is ahead of the other in as
        many.
      </dd>
      <dt>Mean ± and marks</dt>
      <dd>
        Mean and sample standard deviation over model seeds. In the plot the dashed line is the mean of the
        retrained models.
      </dd>
      <dt>RTE ↑</dt>
      <dd>
        Runtime efficiency: the time that retraining takes divided by the unlearner's own, on the same type of
        device; blank where that was not measured.
      </dd>
    </dl>
  </section>
);
